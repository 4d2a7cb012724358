// Prints sql/cube.sql: what Cube sends for a small model, as its own schema compiler writes it, with the exact answers beside it.
// To print it anew, in an empty folder: npm install --ignore-scripts @cubejs-backend/schema-compiler@VERSION, then
// NODE_PATH=node_modules node .../tests/pg_regress/cube.js >.../tests/pg_regress/sql/cube.sql
const { prepareCompiler, PostgresQuery } = require('@cubejs-backend/schema-compiler');
const { NativeInstance } = require('@cubejs-backend/native');
const { version } = require('@cubejs-backend/schema-compiler/package.json');

const model = `
cube('Visits', {
  sql: 'SELECT * FROM cube_visits',
  measures: {
    visitors: { type: 'countDistinctApprox', sql: 'visitor' },
    pages: { type: 'countDistinctApprox', sql: 'page' },
    weekly: { type: 'countDistinctApprox', sql: 'visitor', rollingWindow: { trailing: '7 day', offset: 'end' } },
    monthly: { type: 'countDistinctApprox', sql: 'visitor', rollingWindow: { trailing: '28 day', offset: 'end' } },
  },
  dimensions: {
    id: { sql: 'id', type: 'number', primaryKey: true },
    country: { sql: 'country', type: 'string' },
    at: { sql: 'at', type: 'time' },
  },
  preAggregations: PRE_AGGREGATIONS
});
`;
const daily = `{
    daily: {
      type: 'rollup', measures: [visitors, pages], dimensions: [country], timeDimension: at, granularity: 'day', external: false,
    },
  }`;

// Of the native part, which npm does not hold, a model in JavaScript needs nothing but that there is a template engine.
NativeInstance.prototype.newJinjaEngine = () => ({});

// The range is that of the table.
const range = ['2026-01-01', '2026-02-28'];

async function compile(preAggregations) {
  const content = model.replace('PRE_AGGREGATIONS', preAggregations);
  const repository = { localPath: () => __dirname, dataSchemaFiles: async () => [{ fileName: 'visits.js', content }] };
  const compilers = prepareCompiler(repository, {});
  await compilers.compiler.compile();
  return compilers;
}

async function ask(compilers, question) {
  return new PostgresQuery(compilers, { timezone: 'UTC', preAggregationsSchema: '', useNativeSqlPlanner: false, ...question });
}

const day = { dimension: 'Visits.at', granularity: 'day', dateRange: range };

// A prepared statement takes the parameters as Cube's driver sends them: as texts.
function prepared(name, [sql, parameters]) {
  const values = parameters.map((value) => `'${value}'`).join(', ');
  return `PREPARE ${name} AS\n${sql.trim()};\n\nCREATE TABLE ${name} AS EXECUTE ${name}${values && `(${values})`};\n`;
}

async function main() {
  const plain = await compile('{}');
  const rolled = await compile(daily);
  const print = (text) => process.stdout.write(`${text}\n`);
  print(`-- What Cube sends for measures of type countDistinctApprox runs unchanged. The statements that are prepared here are as the package
-- @cubejs-backend/schema-compiler ${version} of Cube writes them, by its planner in JavaScript, for a small model, which ../cube.js has; that prints this file.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE SCHEMA cube;
CREATE EXTENSION cvm_count_hll SCHEMA cube;
SET search_path = cube, public;

CREATE TABLE cube_visits AS
SELECT i AS id, timestamptz '2026-01-01 00:00+00' + i * interval '1 minute' AS at, cvm_hash(i) & 8191 AS visitor,
       'page ' || (cvm_hash(i, 1) & 511) AS page, (ARRAY['at', 'de', 'fr'])[1 + i % 3] AS country
FROM generate_series(0, 59 * 24 * 60 - 1) i;
`);
  const total = await ask(plain, { measures: ['Visits.visitors', 'Visits.pages'], timeDimensions: [] });
  print('-- One number.');
  print(prepared('total', total.buildSqlAndParams()));
  print(`SELECT total.*, exact.* FROM total, (SELECT count(DISTINCT visitor), count(DISTINCT page) FROM cube_visits) exact (visitors, pages);
`);
  const groups = await ask(plain, {
    measures: ['Visits.visitors', 'Visits.pages'], dimensions: ['Visits.country'], timeDimensions: [day], order: [{ id: 'Visits.at' }],
  });
  print('-- By day and country.');
  print(prepared('by_day', groups.buildSqlAndParams()));
  print(`SELECT count(*) AS rows, bool_and(visits__visitors = exact_visitors AND visits__pages = exact_pages) AS same
FROM by_day
FULL JOIN (SELECT country, date_trunc('day', at) AS day, count(DISTINCT visitor) AS exact_visitors, count(DISTINCT page) AS exact_pages
           FROM cube_visits GROUP BY 1, 2) exact ON visits__country = country AND visits__at_day = day;
`);
  for (const [measure, days] of [['weekly', 7], ['monthly', 28]]) {
    const rolling = await ask(plain, { measures: [`Visits.${measure}`], timeDimensions: [day], order: [{ id: 'Visits.at' }] });
    print(`-- A window of ${days} days, for each day.`);
    print(prepared(measure, rolling.buildSqlAndParams()));
    print(`SELECT count(*) AS days, bool_and(visits__${measure} = (
           SELECT count(DISTINCT visitor) FROM cube_visits
           WHERE at >= visits__at_day - interval '${days - 1} days' AND at < visits__at_day + interval '1 day')) AS same
FROM ${measure};
`);
  }
  const months = await ask(rolled, {
    measures: ['Visits.visitors', 'Visits.pages'], timeDimensions: [{ ...day, granularity: 'month' }], order: [{ id: 'Visits.at' }],
  });
  const [description] = months.preAggregations.preAggregationsDescription();
  print('-- A rollup by day and country, and months from it.');
  const [load, parameters] = description.loadSql;
  print(load.trim() + (parameters.length ? `\n-- PARAMETERS ${parameters}` : '') + ';\n');
  print(prepared('by_month', months.buildSqlAndParams()));
  print(`SELECT to_char(visits__at_month, 'YYYY-MM') AS month, visits__visitors, visits__pages,
       (SELECT count(DISTINCT visitor) FROM cube_visits WHERE date_trunc('month', at) = visits__at_month) AS exact_visitors,
       (SELECT count(DISTINCT page) FROM cube_visits WHERE date_trunc('month', at) = visits__at_month) AS exact_pages
FROM by_month ORDER BY 1;

RESET search_path;
DROP SCHEMA cube CASCADE;`);
}

main();
