# Makes a regression test of a Markdown file: blocks marked sql are its input, blocks marked text right after one its
# output. psql echoes its input, so the expected output is both in their order.
/^```sql$/ { kind = "sql"; next }
/^```text$/ && after_sql { kind = "text"; next }
/^```$/ && kind {
    if (last ~ /^\([0-9]+ rows?\)$/) print "" > out  # psql ends a table with an empty line
    after_sql = kind == "sql"
    kind = ""
    next
}
kind { last = $0; print > out; if (kind == "sql") print > sql }
!kind && NF { after_sql = 0 }
