CREATE EXTENSION cvm_count;
CREATE TABLE visits AS
    SELECT date '2026-01-01' + day AS day, visitor, 'page ' || i % 4000 AS page,
           (ARRAY['at', 'de', 'fr'])[1 + visitor % 7 % 3] AS country
    FROM generate_series(0, 89) day, generate_series(1, 10000) i,
         LATERAL (SELECT 800 * day + (cvm_hash(i, day) & 65535) AS visitor) random;
