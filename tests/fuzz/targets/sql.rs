//! A user's SQL: refused in a sentence, or one statement that only reads.
#![no_main]

use datafusion::sql::sqlparser::ast::Statement;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use engine::{SqlLimits, check_calls, check_statement, check_text, relations};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|sql: &str| {
    let dialect = PostgreSqlDialect {};
    let Ok(tokens) = check_text(sql, &dialect, &SqlLimits::default()) else { return };
    let Ok(statements) = Parser::new(&dialect).with_recursion_limit(50).with_tokens(tokens).parse_statements() else { return };
    for statement in statements {
        if check_statement(&statement).and_then(|()| check_calls(&statement, &[])).is_ok() {
            let only_reads = matches!(
                statement,
                Statement::Query(_) | Statement::Explain { .. } | Statement::ExplainTable { .. }
            );
            assert!(only_reads, "{statement}");
            relations(&statement);
        }
    }
});
