using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.Resources.Kinds;

namespace Fairlead.ApiServer.Resources;

/// <summary>All kinds that this server serves. A new kind is one row in Kinds/ and, where it has rules, a strategy beside the others.</summary>
internal sealed class KindTable
{
    private readonly Dictionary<(string Group, string Version, string Plural), Kind> _byPath;

    public KindTable(ServiceAllocator allocator)
    {
        All = [.. CoreKinds.Rows(allocator), .. AppsKinds.Rows(), .. NetworkingKinds.Rows(), .. SystemKinds.Rows(), .. StorageKinds.Rows(), .. SecurityKinds.Rows(), .. MetricsKinds.Rows()];
        _byPath = All.ToDictionary(kind => (kind.Group, kind.Version, kind.Plural));
        Namespaces = All.Single(kind => kind.Name == "Namespace");
    }

    public IReadOnlyList<Kind> All { get; }

    public Kind Namespaces { get; }

    public Kind? Find(string group, string version, string plural) => _byPath.GetValueOrDefault((group, version, plural));
}
