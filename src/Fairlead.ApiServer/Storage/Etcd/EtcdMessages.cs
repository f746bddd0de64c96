using Fairlead.Kube.Protobuf;

namespace Fairlead.ApiServer.Storage.Etcd;

/// <summary>A key as etcd has it. Where it was deleted, all but key and revision are empty.</summary>
internal sealed record EtcdPair(string Key, byte[] Value, long CreateRevision, long ModRevision, long Version)
{
    public static EtcdPair Read(ReadOnlySpan<byte> message)
    {
        var (key, value, created, modified, version) = ("", Array.Empty<byte>(), 0L, 0L, 0L);
        var reader = new WireReader(message);
        while (reader.Next(out var field, out var type))
        {
            switch (field)
            {
                case 1: key = reader.Text(); break;
                case 2: created = (long)reader.Varint(); break;
                case 3: modified = (long)reader.Varint(); break;
                case 4: version = (long)reader.Varint(); break;
                case 5: value = reader.Bytes().ToArray(); break;
                default: reader.Skip(type); break;
            }
        }
        return new EtcdPair(key, value, created, modified, version);
    }
}

/// <summary>An answer to a read, or to a write of which <paramref name="Succeeded"/> says whether it was done.</summary>
/// <param name="Revision">Of the whole store as it was then.</param>
/// <param name="Pairs">What was read.</param>
/// <param name="More">There is more than was asked for.</param>
internal sealed record EtcdAnswer(long Revision, bool Succeeded, IReadOnlyList<EtcdPair> Pairs, bool More)
{
    public static EtcdAnswer ReadRange(ReadOnlySpan<byte> message)
    {
        var pairs = new List<EtcdPair>();
        var (revision, more) = (0L, false);
        var reader = new WireReader(message);
        while (reader.Next(out var field, out var type))
        {
            switch (field)
            {
                case 1: revision = EtcdHeader.Revision(reader.Bytes()); break;
                case 2: pairs.Add(EtcdPair.Read(reader.Bytes())); break;
                case 3: more = reader.Varint() != 0; break;
                default: reader.Skip(type); break;
            }
        }
        return new EtcdAnswer(revision, true, pairs, more);
    }

    /// <summary>Of a transaction whose only reads are single keys.</summary>
    public static EtcdAnswer ReadWrite(ReadOnlySpan<byte> message)
    {
        IReadOnlyList<EtcdPair> pairs = [];
        var (revision, succeeded) = (0L, false);
        var reader = new WireReader(message);
        while (reader.Next(out var field, out var type))
        {
            switch (field)
            {
                case 1: revision = EtcdHeader.Revision(reader.Bytes()); break;
                case 2: succeeded = reader.Varint() != 0; break;
                case 3 when !succeeded: pairs = ReadOperation(reader.Bytes()); break;
                default: reader.Skip(type); break;
            }
        }
        return new EtcdAnswer(revision, succeeded, pairs, false);
    }

    private static IReadOnlyList<EtcdPair> ReadOperation(ReadOnlySpan<byte> message) => ReadRange(WireMessage.Part(message, 1)).Pairs;
}

/// <summary>What each answer begins with.</summary>
internal static class EtcdHeader
{
    /// <summary>Of the whole store.</summary>
    public static long Revision(ReadOnlySpan<byte> header) => WireMessage.NumberOf(header, 3);
}

/// <summary>What a watch tells: changes, or how far it is, or that it ends.</summary>
/// <param name="Revision">Where there are no changes: all up to it have been told.</param>
/// <param name="CompactRevision">Not zero: the changes asked for are kept no longer.</param>
internal sealed record EtcdNews(long Revision, bool Created, bool Canceled, long CompactRevision, string Reason, IReadOnlyList<(EtcdPair Pair, bool Deleted)> Changes)
{
    public static EtcdNews Read(ReadOnlySpan<byte> message)
    {
        var changes = new List<(EtcdPair, bool)>();
        var (revision, created, canceled, compact, reason) = (0L, false, false, 0L, "");
        var reader = new WireReader(message);
        while (reader.Next(out var field, out var type))
        {
            switch (field)
            {
                case 1: revision = EtcdHeader.Revision(reader.Bytes()); break;
                case 3: created = reader.Varint() != 0; break;
                case 4: canceled = reader.Varint() != 0; break;
                case 5: compact = (long)reader.Varint(); break;
                case 6: reason = reader.Text(); break;
                case 11: changes.Add(ReadChange(reader.Bytes())); break;
                default: reader.Skip(type); break;
            }
        }
        return new EtcdNews(revision, created, canceled, compact, reason, changes);
    }

    private static (EtcdPair, bool) ReadChange(ReadOnlySpan<byte> message)
    {
        EtcdPair? pair = null;
        var deleted = false;
        var reader = new WireReader(message);
        while (reader.Next(out var field, out var type))
        {
            switch (field)
            {
                case 1: deleted = reader.Varint() == 1; break;
                case 2: pair = EtcdPair.Read(reader.Bytes()); break;
                default: reader.Skip(type); break;
            }
        }
        return (pair ?? throw new WireException("an event without its key"), deleted);
    }
}
