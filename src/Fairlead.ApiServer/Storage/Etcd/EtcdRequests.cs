using Fairlead.Kube.Protobuf;

namespace Fairlead.ApiServer.Storage.Etcd;

/// <summary>The requests of etcd's API v3 that the store makes (etcd documentation: "API reference"; rpc.proto, kv.proto).</summary>
internal static class EtcdRequests
{
    private const int Equal = 0;
    private const int Less = 2;
    private const int OfVersion = 0;
    private const int OfModRevision = 2;

    /// <param name="end">Exclusive; null: the one key.</param>
    /// <param name="revision">0: now, as the cluster's majority knows it.</param>
    public static byte[] Range(byte[] key, byte[]? end, long limit, long revision) => WireMessage.Write(message =>
    {
        message.Bytes(1, key);
        if (end is not null) message.Bytes(2, end);
        message.Optional(3, limit);
        message.Optional(4, revision);
    });

    /// <summary>The linearizable read of nothing but the revision.</summary>
    public static byte[] Now(byte[] key) => WireMessage.Write(message =>
    {
        message.Bytes(1, key);
        message.Number(9, 1);
    });

    public static byte[] Put(byte[] key, byte[] value) => WireMessage.Write(message =>
    {
        message.Bytes(1, key);
        message.Bytes(2, value);
    });

    /// <summary>One write with its claims: all of it where the key is at its revision and no claim is taken, else nothing and the key as it is.</summary>
    /// <param name="owner">What is stored under a claim: whose it is.</param>
    /// <param name="turn">A key that must not have been written since, and is.</param>
    public static byte[] Write(byte[] key, byte[]? value, long expected, IEnumerable<byte[]> taken, IEnumerable<byte[]> released, byte[] owner, (byte[] Key, long Known)? turn = null) => WireMessage.Write(message =>
    {
        message.Bytes(1, ModRevisionIs(key, expected));
        if (turn is { } taking)
        {
            message.Bytes(1, Compare(taking.Key, OfModRevision, field: 6, taking.Known + 1, Less));
            message.Bytes(2, Operation(2, Put(taking.Key, owner)));
        }
        foreach (var claim in released) message.Bytes(2, Operation(3, Key(claim)));
        foreach (var claim in taken)
        {
            message.Bytes(1, ModRevisionIs(claim, 0));
            message.Bytes(2, Operation(2, Put(claim, owner)));
        }
        message.Bytes(2, value is null ? Operation(3, Key(key)) : Operation(2, Put(key, value)));
        message.Bytes(3, Operation(1, Key(key)));
    });

    /// <summary>Takes a claim away whose object is not there, if both are still so.</summary>
    public static byte[] DropClaim(byte[] claim, long revision, byte[] owner) => WireMessage.Write(message =>
    {
        message.Bytes(1, ModRevisionIs(claim, revision));
        message.Bytes(1, ModRevisionIs(owner, 0));
        message.Bytes(2, Operation(3, Key(claim)));
    });

    /// <summary>Puts the key where it has been written so many times since it was made (0: it is not there), else reads it.</summary>
    public static byte[] PutAtVersion(byte[] key, byte[] value, long version) => WireMessage.Write(message =>
    {
        message.Bytes(1, Compare(key, OfVersion, field: 4, version));
        message.Bytes(2, Operation(2, Put(key, value)));
        message.Bytes(3, Operation(1, Key(key)));
    });

    public static byte[] Compact(long revision) => WireMessage.Write(message => message.Number(1, revision));

    /// <summary>Every change of the range from that revision on, and now and then, where there are none, how far it is.</summary>
    public static byte[] Watch(byte[] key, byte[] end, long from) => WireMessage.Write(message => message.Message(1, create =>
    {
        create.Bytes(1, key);
        create.Bytes(2, end);
        create.Number(3, from);
        create.Number(4, 1);
    }));

    private static byte[] ModRevisionIs(byte[] key, long revision) => Compare(key, OfModRevision, field: 6, revision);

    private static byte[] Compare(byte[] key, int target, int field, long value, int result = Equal) => WireMessage.Write(compare =>
    {
        compare.Number(1, result);
        compare.Number(2, target);
        compare.Bytes(3, key);
        compare.Number(field, value);
    });

    private static byte[] Operation(int kind, byte[] request) => WireMessage.Write(operation => operation.Bytes(kind, request));

    /// <summary>A request that names a key and nothing else.</summary>
    private static byte[] Key(byte[] key) => WireMessage.Write(message => message.Bytes(1, key));
}
