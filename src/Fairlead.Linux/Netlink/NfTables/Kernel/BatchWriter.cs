namespace Fairlead.Linux.Netlink.NfTables;

/// <summary>
/// Lays a transaction out as one netlink batch. Element lists are cut into messages, because an attribute's length has 16
/// bits; <see cref="Origins"/> says for each message which change, from which element on, it carries.
/// </summary>
internal sealed class BatchWriter
{
    internal const byte Subsystem = 10;
    internal const ushort BatchBegin = 16, BatchEnd = 17;
    private const int ElementBytesLimit = 60_000;
    private readonly MessageBuffer _buffer = new(16 * 1024);
    private readonly RuleWriter _rules;
    private readonly List<(Change Change, int FirstElement)> _origins = [];
    private Table _table = new(TableFamily.Inet, "");
    private uint _setId;

    internal BatchWriter() => _rules = new RuleWriter(_buffer);

    /// <summary>The batch; its Begin has the first sequence number, then each message the next.</summary>
    internal ReadOnlySpan<byte> Bytes => _buffer.Written;

    internal IReadOnlyList<(Change Change, int FirstElement)> Origins => _origins;

    /// <summary>Writes the batch. Returns the sequence number of the last change, which alone asks for an acknowledgement: errors come unasked.</summary>
    internal uint Write(Transaction transaction, uint sequence)
    {
        _buffer.Clear();
        _origins.Clear();
        _table = transaction.Table;
        _first = sequence;
        WriteEdge(BatchBegin, sequence);
        for (int index = 0; index < transaction.Changes.Count; index++)
        {
            Write(transaction.Changes[index], last: index == transaction.Changes.Count - 1);
        }
        WriteEdge(BatchEnd, sequence + (uint)_origins.Count + 1);
        return sequence + (uint)_origins.Count;
    }

    private uint _first;

    private void WriteEdge(ushort type, uint sequence)
    {
        _buffer.Begin(type, NetlinkFlags.None, sequence);
        Span<byte> header = _buffer.Reserve(4);
        header[3] = Subsystem;
        _buffer.End();
    }

    private void Write(Change change, bool last)
    {
        switch (change)
        {
            case Change.AddElements add:
                WriteElements(change, NfTablesMessage.NewElement, NetlinkFlags.Create, add.Set, add.Elements, last);
                return;
            case Change.DeleteElements delete:
                WriteElements(change, NfTablesMessage.DeleteElement, NetlinkFlags.None, delete.Set, delete.Elements, last);
                return;
            default:
                break;
        }
        _origins.Add((change, 0));
        NetlinkFlags acknowledge = last ? NetlinkFlags.Acknowledge : NetlinkFlags.None;
        switch (change)
        {
            case Change.AddTable:
                Begin(NfTablesMessage.NewTable, NetlinkFlags.Create | acknowledge);
                _buffer.UInt32Network(2, 0);
                break;
            case Change.DeleteTable:
                Begin(NfTablesMessage.DeleteTable, acknowledge);
                break;
            case Change.AddChain add:
                Begin(NfTablesMessage.NewChain, NetlinkFlags.Create | acknowledge);
                WriteChain(add.Chain);
                break;
            case Change.DeleteChain delete:
                Begin(NfTablesMessage.DeleteChain, acknowledge);
                _buffer.Text(3, delete.Name);
                break;
            case Change.FlushChain flush:
                Begin(NfTablesMessage.DeleteRule, acknowledge);
                _buffer.Text(2, flush.Name);
                break;
            case Change.AddRule add:
                Begin(NfTablesMessage.NewRule, NetlinkFlags.Create | NetlinkFlags.Append | acknowledge);
                WriteRule(add.Rule);
                break;
            case Change.AddSet add:
                Begin(NfTablesMessage.NewSet, NetlinkFlags.Create | acknowledge);
                WriteSet(add.Set);
                break;
            case Change.DeleteSet delete:
                Begin(NfTablesMessage.DeleteSet, acknowledge);
                _buffer.Text(2, delete.Name);
                break;
            default:
                throw new InvalidOperationException($"unknown change {change}");
        }
        _buffer.End();
    }

    private void Begin(NfTablesMessage type, NetlinkFlags flags)
    {
        _buffer.Begin((ushort)((Subsystem << 8) | (int)type), flags, _first + (uint)_origins.Count);
        _buffer.Reserve(4)[0] = (byte)_table.Family;
        _buffer.Text(1, _table.Name);
    }

    private void WriteChain(Chain chain)
    {
        _buffer.Text(3, chain.Name);
        if (chain.Hook is not { } hook)
        {
            return;
        }
        using (_buffer.Nest(4))
        {
            _buffer.UInt32Network(1, (uint)hook.Point);
            _buffer.UInt32Network(2, (uint)hook.Priority);
        }
        _buffer.UInt32Network(5, 1); // policy accept
        _buffer.Text(7, BaseHook.Lower(hook.Type));
    }

    private void WriteRule(Rule rule)
    {
        _buffer.Text(2, rule.Chain);
        using (_buffer.Nest(4))
        {
            foreach (Statement statement in rule.Statements)
            {
                statement.Write(_rules);
            }
        }
        if (rule.Comment is not null)
        {
            _buffer.Bytes(7, RuleWriter.Comment(rule.Comment));
        }
    }

    private void WriteSet(SetDefinition set)
    {
        _buffer.Text(2, set.Name);
        _buffer.UInt32Network(3, (uint)SetFlagsOf(set));
        _buffer.UInt32Network(4, FieldTypes.Number(set.Key));
        _buffer.UInt32Network(5, (uint)FieldTypes.Length(set.Key));
        if (set.IsVerdictMap)
        {
            _buffer.UInt32Network(6, VerdictType);
        }
        else if (set.Value.Count > 0)
        {
            _buffer.UInt32Network(6, FieldTypes.Number(set.Value));
            _buffer.UInt32Network(7, (uint)FieldTypes.Length(set.Value));
        }
        _buffer.UInt32Network(10, ++_setId);
        if (set.Size == 0 && !(set.IsInterval && set.Key.Count > 1))
        {
            return;
        }
        using (_buffer.Nest(9))
        {
            if (set.Size != 0)
            {
                _buffer.UInt32Network(1, set.Size);
            }
            if (set.IsInterval && set.Key.Count > 1)
            {
                WriteFields(set.Key);
            }
        }
    }

    internal const uint VerdictType = 0xffffff00;

    private void WriteFields(IReadOnlyList<FieldType> fields)
    {
        using MessageBuffer.NestScope list = _buffer.Nest(2);
        foreach (FieldType field in fields)
        {
            using MessageBuffer.NestScope element = _buffer.Nest(1);
            _buffer.UInt32Network(1, (uint)field.Bytes());
        }
    }

    internal static SetFlags SetFlagsOf(SetDefinition set) =>
        (set.IsMap ? SetFlags.Map : 0)
        | (set.IsDynamic ? SetFlags.Evaluate : 0)
        | (set.HasTimeout ? SetFlags.Timeout : 0)
        | (set.IsInterval ? SetFlags.Interval : 0)
        | (set.IsInterval && set.Key.Count > 1 ? SetFlags.Concatenated : 0);

    private void WriteElements(Change change, NfTablesMessage type, NetlinkFlags flags, SetDefinition set, IReadOnlyList<SetElement> elements, bool last)
    {
        bool adding = type == NfTablesMessage.NewElement;
        int index = 0;
        while (index < elements.Count)
        {
            int start = _buffer.Length;
            _origins.Add((change, index));
            Begin(type, flags);
            _buffer.Text(2, set.Name);
            using (MessageBuffer.NestScope list = _buffer.Nest(3))
            {
                for (; index < elements.Count && list.Length < ElementBytesLimit; index++)
                {
                    WriteElement(elements[index], adding);
                }
            }
            _buffer.End();
            if (last && index == elements.Count)
            {
                _buffer.AddFlags(start, NetlinkFlags.Acknowledge);
            }
        }
    }

    private void WriteElement(in SetElement element, bool adding)
    {
        using MessageBuffer.NestScope scope = _buffer.Nest(1);
        _rules.Data(1, element.Key.Span);
        if (!element.KeyEnd.IsEmpty)
        {
            _rules.Data(10, element.KeyEnd.Span);
        }
        if (!adding)
        {
            return;
        }
        if (element.Verdict is { } verdict)
        {
            _rules.Verdict(2, verdict);
        }
        else if (!element.Value.IsEmpty)
        {
            _rules.Data(2, element.Value.Span);
        }
        if (element.TimeoutMilliseconds != 0)
        {
            _buffer.UInt64Network(4, element.TimeoutMilliseconds);
        }
    }
}

/// <summary>enum nf_tables_msg_types.</summary>
internal enum NfTablesMessage
{
    NewTable = 0,
    GetTable = 1,
    DeleteTable = 2,
    NewChain = 3,
    GetChain = 4,
    DeleteChain = 5,
    NewRule = 6,
    GetRule = 7,
    DeleteRule = 8,
    NewSet = 9,
    GetSet = 10,
    DeleteSet = 11,
    NewElement = 12,
    GetElement = 13,
    DeleteElement = 14,
    NewGeneration = 15,
    GetGeneration = 16,
}

/// <summary>enum nft_set_flags.</summary>
[Flags]
internal enum SetFlags : uint
{
    Interval = 0x4,
    Map = 0x8,
    Timeout = 0x10,
    Evaluate = 0x20,
    Concatenated = 0x80,
}
