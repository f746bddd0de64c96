using Fairlead.Controllers;
using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Discovery;
using Fairlead.Controllers.Namespace;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Controllers;

public sealed class NamespacePlanTests
{
    private static readonly ApiKind Pods = new("", "v1", "Pod", "pods", true);
    private static readonly ApiKind Leases = new("coordination.k8s.io", "v1", "Lease", "leases", true);

    private static string Show(params Remainder[] remainders) => string.Join('\n',
        NamespacePlan.Conditions(remainders, null).Skip(2).Select(condition => $"{condition.Type}={condition.Holds} {condition.Reason}: {condition.Message}"));

    [Fact]
    public void Conditions_NothingLeft_AllFalse() => Assert.Equal("""
        NamespaceDeletionContentFailure=False ContentDeleted: All content successfully deleted, may be waiting on finalization
        NamespaceContentRemaining=False ContentRemoved: All content successfully removed
        NamespaceFinalizersRemaining=False ContentHasNoFinalizers: All content-preserving finalizers finished
        """, Show(new Remainder(Pods, 0, [], null)));

    [Fact]
    public void Conditions_SomethingLeft_NamesIt() => Assert.Equal("""
        NamespaceDeletionContentFailure=True ContentDeletionFailed: Failed to delete all resource types, 1 remaining: leases.coordination.k8s.io: no
        NamespaceContentRemaining=True SomeResourcesRemain: Some resources are remaining: pods. has 2 resource instances
        NamespaceFinalizersRemaining=True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: a.example/x in 2 resource instances, b.example/y in 1 resource instances
        """, Show(new Remainder(Pods, 2, [["a.example/x"], ["b.example/y", "a.example/x"]], null), new Remainder(Leases, 0, [], "leases.coordination.k8s.io: no")));

    [Fact]
    public void Catalog_KeepsKindsThatCanBeListedWatchedAndDeleted()
    {
        var list = new V1APIResourceList
        {
            Resources =
            [
                Resource("pods", "Pod", "create", "delete", "list", "watch"), Resource("pods/log", "Pod", "get"),
                Resource("bindings", "Binding", "create"), Resource("componentstatuses", "ComponentStatus", "get", "list"),
            ],
        };
        Assert.Equal([Pods], KindCatalog.Read("", "v1", list));
    }

    private static V1APIResource Resource(string name, string kind, params string[] verbs) => new() { Name = name, Kind = kind, Namespaced = true, Verbs = verbs };
}
