import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/** What JDBC and the tools on it do with a server. Usage: Driver URL USER PASSWORD. */
class Driver {
    public static void main(String[] arguments) throws SQLException {
        try (Connection connection = DriverManager.getConnection(arguments[0], arguments[1], arguments[2])) {
            connection.setReadOnly(true);
            metadata(connection);
            boundValues(connection);
            fetched(connection);
        }
    }

    static void metadata(Connection connection) throws SQLException {
        TreeSet<String> tables = new TreeSet<>();
        try (ResultSet rows = connection.getMetaData().getTables(null, "public", "%", new String[] {"TABLE", "VIEW"})) {
            while (rows.next()) {
                tables.add(rows.getString("TABLE_NAME"));
            }
        }
        for (String table : List.of("commits", "reviews", "tickets", "directory", "change", "review_load")) {
            check(tables.contains(table), table + " is not among " + tables);
        }
        List<String> columns = new ArrayList<>();
        try (ResultSet rows = connection.getMetaData().getColumns(null, "public", "review_load", "%")) {
            while (rows.next()) {
                columns.add(rows.getString("COLUMN_NAME") + ":" + rows.getString("TYPE_NAME"));
            }
        }
        check(columns.contains("team:text") && columns.contains("open_reviews:int8"), "columns " + columns);
    }

    static void boundValues(Connection connection) throws SQLException {
        String sql = "SELECT team, open_reviews FROM review_load(as_of => ?) WHERE open_reviews >= ? AND team <> ?";
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            // After five runs the driver prepares by name and asks for binary values.
            for (int run = 0; run < 8; run++) {
                statement.setTimestamp(1, Timestamp.from(Instant.parse("2026-02-10T12:00:00Z")));
                statement.setInt(2, 0);
                statement.setString(3, "nobody's; DROP TABLE commits");
                int count = 0;
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        check(rows.getString("team") != null && rows.getLong(2) >= 0, "a row");
                        count++;
                    }
                }
                check(count > 0, "rows in run " + run);
            }
        }
        try (PreparedStatement statement = connection.prepareStatement("SELECT max(opened_at) FROM change WHERE repo = ?")) {
            statement.setString(1, "acme/core");
            try (ResultSet rows = statement.executeQuery()) {
                check(rows.next() && rows.getTimestamp(1) != null, "a time");
            }
        }
    }

    static void fetched(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        try (PreparedStatement statement = connection.prepareStatement("SELECT event_id FROM reviews")) {
            statement.setFetchSize(7);
            int count = 0;
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    count++;
                }
            }
            System.out.println(count + " rows, seven at a time");
            check(count > 7, "more rows than one fetch: " + count);
        }
        connection.commit();
    }

    static void check(boolean holds, String message) {
        if (!holds) {
            throw new AssertionError(message);
        }
    }
}
