using Microsoft.Data.Sqlite;

namespace Fairlead.ApiServer.Storage;

/// <summary>
/// One SQLite file with a row an object. WAL and synchronous=FULL: a group is on disk when <see cref="Persist"/> returns
/// (SQLite documentation: "Write-Ahead Logging", "PRAGMA synchronous").
/// </summary>
public sealed class SqliteStore : SingleWriterStore
{
    /// <summary>A server that is just ending lets go within it; one that runs never does.</summary>
    private const int SecondsForALock = 2;
    private const int Busy = 5;

    private readonly string _path;
    private readonly SqliteConnection _connection;
    private SqliteCommand? _put;
    private SqliteCommand? _delete;
    private SqliteCommand? _setRevision;

    /// <param name="path">The database file; made with its folder if it is missing.</param>
    public SqliteStore(string path)
    {
        SQLitePCL.raw.SetProvider(new SQLitePCL.SQLite3Provider_sqlite3());
        _path = path;
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false, DefaultTimeout = SecondsForALock }.ToString());
    }

    /// <summary>Makes a store of these objects. Where that fails, no file is left.</summary>
    /// <param name="revision">The store's own, not below that of any object.</param>
    /// <exception cref="StoreException">It cannot be written.</exception>
    internal static void Create(string path, IReadOnlyList<StoreEntry> entries, long revision)
    {
        var temporary = path + ".new";
        File.Delete(temporary);
        var store = new SqliteStore(temporary);
        try
        {
            store.Open();
            foreach (var group in entries.Chunk(1024)) store.Persist(group);
            store.Execute($"UPDATE state SET value = {revision.ToString(System.Globalization.CultureInfo.InvariantCulture)} WHERE name = 'revision'");
            store.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
        }
        catch (SqliteException e)
        {
            throw new StoreException($"{path} cannot be written ({e.Message})", e);
        }
        finally
        {
            store.Close();
        }
        File.Move(temporary, path);
    }

    protected override Task<long> LoadAsync(Action<StoreEntry> loaded, CancellationToken cancel)
    {
        try
        {
            Open();
            using var read = _connection.CreateCommand();
            read.CommandText = "SELECT key, value, revision FROM objects";
            using var reader = read.ExecuteReader();
            while (reader.Read())
                loaded(new StoreEntry(reader.GetString(0), (byte[])reader[1], reader.GetInt64(2)));
            return Task.FromResult(ReadRevision());
        }
        catch (SqliteException e) when (e.SqliteErrorCode == Busy)
        {
            throw new StoreException($"{_path} is in use by another process; stop the server that runs on this folder, or name another one", e);
        }
        catch (SqliteException e)
        {
            throw new StoreException($"{_path} cannot be read ({e.Message}); restore it from a backup, or move it away to start empty", e);
        }
    }

    protected override void Persist(IReadOnlyList<StoreEntry> group)
    {
        try
        {
            using var transaction = _connection.BeginTransaction();
            foreach (var entry in group) Write(entry, transaction);
            _setRevision!.Transaction = transaction;
            _setRevision.Parameters[0].Value = group[^1].Revision;
            _setRevision.ExecuteNonQuery();
            transaction.Commit();
        }
        catch (SqliteException e)
        {
            throw new StoreException($"{_path} cannot be written ({e.Message}); nothing of this request was stored", e);
        }
    }

    /// <summary>Lets the file grow no further than so many pages, as a full disk would; for tests.</summary>
    internal void LimitPages(int pages) => Execute($"PRAGMA max_page_count={pages}");

    protected override ValueTask CloseAsync()
    {
        Close();
        return ValueTask.CompletedTask;
    }

    private void Close()
    {
        _put?.Dispose();
        _delete?.Dispose();
        _setRevision?.Dispose();
        _connection.Dispose();
    }

    private void Open()
    {
        _connection.Open();
        Execute("PRAGMA locking_mode=EXCLUSIVE");
        Execute("PRAGMA journal_mode=WAL");
        Execute("PRAGMA synchronous=FULL");
        Execute("CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID");
        Execute("CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID");
        Execute("INSERT OR IGNORE INTO state VALUES ('revision', 1)");
        _put = Prepare("INSERT INTO objects VALUES ($a, $b, $c) ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision", 3);
        _delete = Prepare("DELETE FROM objects WHERE key = $a", 1);
        _setRevision = Prepare("UPDATE state SET value = $a WHERE name = 'revision'", 1);
    }

    private void Write(StoreEntry entry, SqliteTransaction transaction)
    {
        var command = entry.Value is null ? _delete! : _put!;
        command.Transaction = transaction;
        command.Parameters[0].Value = entry.Key;
        if (entry.Value is not null)
        {
            command.Parameters[1].Value = entry.Value;
            command.Parameters[2].Value = entry.Revision;
        }
        command.ExecuteNonQuery();
    }

    private long ReadRevision()
    {
        using var read = _connection.CreateCommand();
        read.CommandText = "SELECT value FROM state WHERE name = 'revision'";
        return (long)read.ExecuteScalar()!;
    }

    private SqliteCommand Prepare(string sql, int parameters)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        for (var i = 0; i < parameters; i++) command.Parameters.Add(new SqliteParameter { ParameterName = "$" + (char)('a' + i) });
        command.Prepare();
        return command;
    }

    private void Execute(string sql)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
