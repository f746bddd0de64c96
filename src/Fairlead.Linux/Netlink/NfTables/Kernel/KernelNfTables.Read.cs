namespace Fairlead.Linux.Netlink.NfTables;

public sealed partial class KernelNfTables
{
    private const int HeaderSize = 4; // struct nfgenmsg

    /// <inheritdoc/>
    public TableContent? Read(Table table)
    {
        if (!Exists(table))
        {
            return null;
        }
        var comments = new Dictionary<string, List<string?>>(StringComparer.Ordinal);
        var chains = new Dictionary<string, Chain>(StringComparer.Ordinal);
        var sets = new Dictionary<string, SetDefinition>(StringComparer.Ordinal);
        Dump(table, NfTablesMessage.GetChain, "list chains", chains.Clear, attributes =>
        {
            if (ReadChain(attributes, table.Name) is { } chain)
            {
                chains[chain.Name] = chain;
            }
        });
        Dump(table, NfTablesMessage.GetRule, "list rules", comments.Clear, attributes => ReadRule(attributes, comments));
        Dump(table, NfTablesMessage.GetSet, "list sets", sets.Clear, attributes =>
        {
            SetDefinition set = ReadSet(attributes);
            sets[set.Name] = set;
        });
        return new TableContent
        {
            Chains = chains.Values.ToDictionary(
                chain => chain.Name,
                chain => new ChainContent(chain, comments.GetValueOrDefault(chain.Name) ?? []),
                StringComparer.Ordinal),
            Sets = sets,
        };
    }

    /// <inheritdoc/>
    public IReadOnlyList<SetElement> ReadElements(Table table, SetDefinition set)
    {
        var found = new List<SetElement>();
        MessageBuffer request = Begin(table, NfTablesMessage.GetElement, NetlinkFlags.Dump);
        request.Text(1, table.Name);
        request.Text(2, set.Name);
        request.End();
        _socket.Dump(request, $"list elements of {set.Name}", found.Clear, message =>
        {
            foreach (Attribute attribute in message.Attributes(HeaderSize))
            {
                if (attribute.Type == 3)
                {
                    ReadElementList(attribute.Nested, found);
                }
            }
        });
        return found;
    }

    /// <inheritdoc/>
    public uint ReadGeneration()
    {
        uint generation = 0;
        MessageBuffer request = Begin(new Table(0, ""), NfTablesMessage.GetGeneration, NetlinkFlags.None);
        request.End();
        _socket.Get(request, "read generation", message =>
        {
            foreach (Attribute attribute in message.Attributes(HeaderSize))
            {
                generation = attribute.Type == 1 ? attribute.UInt32Network() : generation;
            }
        });
        return generation;
    }

    private bool Exists(Table table)
    {
        MessageBuffer request = Begin(table, NfTablesMessage.GetTable, NetlinkFlags.None);
        request.Text(1, table.Name);
        request.End();
        try
        {
            _socket.Get(request, $"find table {table.Name}", static _ => { });
            return true;
        }
        catch (NetlinkException failure) when (failure.Errno == Errno.NoEntry)
        {
            return false;
        }
    }

    private delegate void AttributesHandler(AttributeReader attributes);

    private void Dump(Table table, NfTablesMessage type, string operation, Action restart, AttributesHandler handler)
    {
        MessageBuffer request = Begin(table, type, NetlinkFlags.Dump);
        request.Text(1, table.Name);
        request.End();
        _socket.Dump(request, operation, restart, message => handler(message.Attributes(HeaderSize)));
    }

    private MessageBuffer Begin(Table table, NfTablesMessage type, NetlinkFlags flags)
    {
        _request.Clear();
        _request.Begin((ushort)((BatchWriter.Subsystem << 8) | (int)type), flags);
        _request.Reserve(HeaderSize)[0] = (byte)table.Family;
        return _request;
    }

    // The kernel lists the chains of all tables of the family.
    private static Chain? ReadChain(AttributeReader attributes, string tableName)
    {
        string name = "", type = "";
        (uint Point, int Priority)? hook = null;
        foreach (Attribute attribute in attributes)
        {
            switch (attribute.Type)
            {
                case 1 when attribute.Text() != tableName: return null;
                case 3: name = attribute.Text(); break;
                case 4: hook = ReadHook(attribute.Nested); break;
                case 7: type = attribute.Text(); break;
                default: break;
            }
        }
        return new Chain(name, hook is { } found
            ? new BaseHook(type switch { "nat" => ChainType.Nat, "route" => ChainType.Route, _ => ChainType.Filter }, (HookPoint)found.Point, found.Priority)
            : null);
    }

    private static (uint Point, int Priority) ReadHook(AttributeReader attributes)
    {
        uint point = 0;
        int priority = 0;
        foreach (Attribute attribute in attributes)
        {
            point = attribute.Type == 1 ? attribute.UInt32Network() : point;
            priority = attribute.Type == 2 ? (int)attribute.UInt32Network() : priority;
        }
        return (point, priority);
    }

    private static void ReadRule(AttributeReader attributes, Dictionary<string, List<string?>> comments)
    {
        string chain = "";
        string? comment = null;
        foreach (Attribute attribute in attributes)
        {
            chain = attribute.Type == 2 ? attribute.Text() : chain;
            if (attribute.Type == 7 && attribute.Value is [0, byte length, ..] && attribute.Value.Length >= 2 + length)
            {
                comment = new Attribute(0, attribute.Value.Slice(2, length)).Text();
            }
        }
        if (!comments.TryGetValue(chain, out List<string?>? list))
        {
            comments[chain] = list = [];
        }
        list.Add(comment);
    }

    private static SetDefinition ReadSet(AttributeReader attributes)
    {
        string name = "";
        SetFlags flags = 0;
        uint key = 0, value = 0, size = 0;
        foreach (Attribute attribute in attributes)
        {
            switch (attribute.Type)
            {
                case 2: name = attribute.Text(); break;
                case 3: flags = (SetFlags)attribute.UInt32Network(); break;
                case 4: key = attribute.UInt32Network(); break;
                case 6: value = attribute.UInt32Network(); break;
                case 9: size = ReadSize(attribute.Nested); break;
                default: break;
            }
        }
        bool verdicts = flags.HasFlag(SetFlags.Map) && value == BatchWriter.VerdictType;
        return new SetDefinition
        {
            Name = name,
            Key = FieldTypes.FromNumber(key),
            Value = verdicts ? [] : FieldTypes.FromNumber(value),
            IsVerdictMap = verdicts,
            IsDynamic = flags.HasFlag(SetFlags.Evaluate),
            HasTimeout = flags.HasFlag(SetFlags.Timeout),
            IsInterval = flags.HasFlag(SetFlags.Interval),
            Size = size,
        };
    }

    private static uint ReadSize(AttributeReader attributes)
    {
        foreach (Attribute attribute in attributes)
        {
            if (attribute.Type == 1)
            {
                return attribute.UInt32Network();
            }
        }
        return 0;
    }

    private static void ReadElementList(AttributeReader list, List<SetElement> found)
    {
        foreach (Attribute entry in list)
        {
            var element = default(SetElement);
            foreach (Attribute attribute in entry.Nested)
            {
                switch (attribute.Type)
                {
                    case 1: element = element with { Key = ReadData(attribute.Nested) }; break;
                    case 2: element = ReadValue(attribute.Nested, element); break;
                    case 4: element = element with { TimeoutMilliseconds = attribute.UInt64Network() }; break;
                    case 10: element = element with { KeyEnd = ReadData(attribute.Nested) }; break;
                    default: break;
                }
            }
            found.Add(element);
        }
    }

    private static FieldBytes ReadData(AttributeReader data)
    {
        foreach (Attribute attribute in data)
        {
            if (attribute.Type == 1)
            {
                return new FieldBytes(attribute.Value.ToArray());
            }
        }
        return default;
    }

    private static SetElement ReadValue(AttributeReader data, SetElement element)
    {
        foreach (Attribute attribute in data)
        {
            if (attribute.Type == 1)
            {
                return element with { Value = new FieldBytes(attribute.Value.ToArray()) };
            }
            if (attribute.Type == 2)
            {
                return element with { Verdict = ReadVerdict(attribute.Nested) };
            }
        }
        return element;
    }

    private static Verdict ReadVerdict(AttributeReader attributes)
    {
        var code = VerdictCode.Continue;
        string? chain = null;
        foreach (Attribute attribute in attributes)
        {
            code = attribute.Type == 1 ? (VerdictCode)(int)attribute.UInt32Network() : code;
            chain = attribute.Type == 2 ? attribute.Text() : chain;
        }
        return new Verdict(code, chain);
    }
}
