using Fairlead.Linux.Netlink.NfTables;

namespace Fairlead.Proxy.Apply;

/// <summary>
/// nf_tables, and whether anybody else has changed them. Every commit in the namespace raises the kernel's generation by
/// one, so counting our own tells of foreign ones without listening to notifications, of which each element would cost one.
/// </summary>
internal sealed class TrackedTables(INfTables inner) : INfTables
{
    private uint _expected;

    /// <summary>Commits made here.</summary>
    internal long Commits { get; private set; }

    public Refusal? Commit(Transaction transaction)
    {
        if (transaction.IsEmpty)
        {
            return null;
        }
        Refusal? refusal = inner.Commit(transaction);
        if (refusal is null)
        {
            _expected++;
            Commits++;
        }
        return refusal;
    }

    /// <summary>Whether somebody else has committed since the last call.</summary>
    internal bool TakeForeignChange()
    {
        uint now = inner.ReadGeneration();
        bool foreign = now != _expected;
        _expected = now;
        return foreign;
    }

    public TableContent? Read(Table table) => inner.Read(table);

    public IReadOnlyList<SetElement> ReadElements(Table table, SetDefinition set) => inner.ReadElements(table, set);

    public uint ReadGeneration() => inner.ReadGeneration();

    public void Dispose() => inner.Dispose();
}
