using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Netlink.NfTables;

/// <summary>nf_tables of the namespace in which it was opened, over netlink (linux/netfilter/nf_tables.h). Never runs nft.</summary>
public sealed partial class KernelNfTables : INfTables
{
    private const int NetfilterProtocol = 12;
    private readonly NetlinkSocket _socket;
    private readonly MessageBuffer _request = new(256);
    private readonly BatchWriter _batch = new();
    private int _sendBytes;

    private KernelNfTables(NetlinkSocket socket) => _socket = socket;

    /// <summary>Opens in the calling thread's namespace.</summary>
    public static KernelNfTables Open() => new(NetlinkSocket.Open(NetfilterProtocol));

    /// <summary>Opens in a namespace.</summary>
    public static KernelNfTables Open(NetworkNamespace network) => network.Run(Open);

    public void Dispose() => _socket.Dispose();

    /// <inheritdoc/>
    public Refusal? Commit(Transaction transaction)
    {
        if (transaction.IsEmpty)
        {
            return null;
        }
        uint first = _socket.NextSequence(reserve: 0);
        uint last = _batch.Write(transaction, first);
        _socket.NextSequence(reserve: last - first + 2);
        // A batch must fit the send buffer whole; the kernel counts its own overhead too.
        if (_batch.Bytes.Length > _sendBytes)
        {
            _sendBytes = Math.Max(1 << 20, _batch.Bytes.Length * 2);
            _socket.SetBuffers(_sendBytes, 4 << 20);
        }
        Errno errno = _socket.TrySend(_batch.Bytes);
        return errno == Errno.None ? AwaitOutcome(first, last) : new Refusal(errno, null, -1, "send");
    }

    private Refusal? AwaitOutcome(uint first, uint last)
    {
        Refusal? refusal = null;
        while (true)
        {
            Errno failure = _socket.Receive(Timeout.Infinite, out ReadOnlySpan<byte> datagram);
            if (failure != Errno.None)
            {
                return refusal ?? new Refusal(failure, null, -1, "receive");
            }
            while (NetlinkMessage.TryRead(ref datagram, out NetlinkMessage message))
            {
                if (message.Type != NetlinkMessage.Error || message.Sequence - first > last - first)
                {
                    continue;
                }
                Errno errno = message.ReadError(out string? detail, out int offset);
                if (errno != Errno.None)
                {
                    refusal ??= Describe(message.Sequence - first, errno, detail, offset);
                }
                // An error of the batch's begin speaks for the whole, and nothing follows it that matters.
                if (message.Sequence == last || message.Sequence == first)
                {
                    return refusal;
                }
            }
        }
    }

    private Refusal Describe(uint place, Errno errno, string? detail, int offset)
    {
        if (place == 0 || place > _batch.Origins.Count)
        {
            return new Refusal(errno, null, -1, detail);
        }
        (Change change, int firstElement) = _batch.Origins[(int)place - 1];
        int element = change is Change.AddElements or Change.DeleteElements
            ? ElementAt(_batch.Bytes, (int)place, offset)
            : -1;
        return new Refusal(errno, change, element < 0 ? -1 : firstElement + element, detail);
    }

    /// <summary>Which element of a message starts at the offset that the kernel complains about (NLMSGERR_ATTR_OFFS).</summary>
    private static int ElementAt(ReadOnlySpan<byte> batch, int place, int offset)
    {
        ReadOnlySpan<byte> rest = batch;
        for (int index = 0; NetlinkMessage.TryRead(ref rest, out NetlinkMessage message); index++)
        {
            if (index != place)
            {
                continue;
            }
            int position = MessageBuffer.HeaderSize + HeaderSize;
            foreach (Attribute attribute in message.Attributes(HeaderSize))
            {
                if (attribute.Type == 3)
                {
                    return ElementIn(attribute.Nested, position + 4, offset);
                }
                position += 4 + ((attribute.Value.Length + 3) & ~3);
            }
        }
        return -1;
    }

    private static int ElementIn(AttributeReader elements, int position, int offset)
    {
        int index = 0;
        foreach (Attribute element in elements)
        {
            int end = position + 4 + ((element.Value.Length + 3) & ~3);
            if (offset >= position && offset < end)
            {
                return index;
            }
            position = end;
            index++;
        }
        return -1;
    }
}
