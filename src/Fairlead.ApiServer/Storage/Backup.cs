using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Storage.Etcd;
using Fairlead.ApiServer.Watch;

namespace Fairlead.ApiServer.Storage;

/// <summary>
/// All objects of one moment as a file: gzip over a JSON document a line, first what it is (format, revision, number of
/// objects), then each object's key, revision and value. It is independent of the store that it comes from.
/// </summary>
public static class Backup
{
    public const string MediaType = "application/vnd.fairlead.backup";
    private const string Format = "fairlead-backup/1";

    /// <summary>Clients that remember a revision of before must not take one of after for the same.</summary>
    private const long Leap = 1_000_000;

    /// <summary>The same where each revision has its price; a server moves after its last write.</summary>
    private const long SmallLeap = 1000;

    internal static async Task WriteAsync(Stream target, ObjectCache cache, CancellationToken cancel)
    {
        var (objects, revision) = cache.SnapshotOfAll();
        await using var zip = new GZipStream(target, CompressionLevel.Fastest, leaveOpen: true);
        await using var lines = new StreamWriter(zip, new UTF8Encoding(false), leaveOpen: true);
        await lines.WriteLineAsync(new JsonObject { ["format"] = Format, ["revision"] = revision, ["objects"] = objects.Count }.ToText().AsMemory(), cancel);
        foreach (var obj in objects.OrderBy(obj => obj.Revision))
        {
            var value = Encoding.UTF8.GetString(StoredObject.Write(obj.ToTree()));
            await lines.WriteLineAsync(new JsonObject { ["key"] = obj.Key, ["revision"] = obj.Revision, ["value"] = value }.ToText().AsMemory(), cancel);
        }
    }

    /// <summary>Makes a new store of a backup. Answers how many objects it has.</summary>
    /// <exception cref="StoreException">The file is no backup or not whole, or the store is there already; nothing is left of it then.</exception>
    public static int Restore(Stream backup, string storeFile)
    {
        if (File.Exists(storeFile)) throw new StoreException($"{storeFile} is there already; name a folder without a store, or move it away");
        var (revision, entries) = Read(backup);
        SqliteStore.Create(storeFile, entries, revision + Leap);
        return entries.Count;
    }

    /// <summary>Fills an empty prefix of an etcd. Answers how many objects it has, and whether etcd's revisions are beyond those of the backup.</summary>
    /// <exception cref="StoreException">The file is no backup or not whole, or there is something already, or etcd cannot be written.</exception>
    public static async Task<(int Objects, bool IsBeyond)> RestoreAsync(Stream backup, EtcdOptions etcd, TimeProvider time, CancellationToken cancel)
    {
        var (revision, entries) = Read(backup);
        var byPrefix = new KindTable(ServiceAllocator.OfNothing).All.Where(kind => kind.IsStored).ToDictionary(kind => kind.StoragePrefix);
        using var filler = new EtcdFiller(etcd, time);
        var isBeyond = await filler.FillAsync([.. entries.Select(entry => (entry, ClaimsOf(entry)))], revision + SmallLeap, cancel);
        return (entries.Count, isBeyond);

        IReadOnlyList<string> ClaimsOf(StoreEntry entry)
        {
            var kind = byPrefix.Where(pair => entry.Key.StartsWith(pair.Key, StringComparison.Ordinal)).OrderByDescending(pair => pair.Key.Length).Select(pair => pair.Value).FirstOrDefault();
            return kind is null ? [] : [.. kind.Strategy.Claims((JsonObject)JsonNode.Parse(entry.Value)!).Distinct()];
        }
    }

    private static (long Revision, List<StoreEntry> Entries) Read(Stream backup)
    {
        try
        {
            using var zip = new GZipStream(backup, CompressionMode.Decompress);
            using var lines = new StreamReader(zip, Encoding.UTF8);
            var head = JsonNode.Parse(lines.ReadLine() ?? "{}");
            if (head.Text("format") != Format) throw new StoreException($"the file is no backup of this format ({Format})");
            var entries = new List<StoreEntry>();
            while (lines.ReadLine() is { } line)
            {
                var entry = JsonNode.Parse(line);
                entries.Add(new StoreEntry(entry.Text("key")!, Encoding.UTF8.GetBytes(entry.Text("value")!), entry.Number("revision")!.Value));
            }
            if (entries.Count != head.Number("objects")) throw new StoreException($"the backup is not whole: {entries.Count} of {head.Number("objects")} objects are in it");
            return (head.Number("revision") ?? 0, entries);
        }
        catch (Exception e) when (e is InvalidDataException or JsonException or EndOfStreamException)
        {
            throw new StoreException($"the file is no backup, or is damaged: {e.Message}", e);
        }
    }
}
