using CsCheck;
using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Slices;
using Fairlead.Kube;
using Xunit;

namespace Fairlead.Unit.Controllers;

public sealed class SlicePlacementTests
{
    private static readonly ValueList<SlicePort> Http = [new SlicePort("", "TCP", 8080, null)];

    private static SliceEndpoint Endpoint(int number, bool ready = true) =>
        new([$"10.244.{number / 250}.{(number % 250) + 1}"], ready, ready, false) { Target = new TargetReference("Pod", "default", $"p{number}", $"u{number}") };

    private static SliceGroup Group(params int[] numbers) => new("IPv4", Http, [.. numbers.Select(number => Endpoint(number))]);

    private static SliceItem Slice(string name, params int[] numbers) => Slice(name, numbers.Select(number => Endpoint(number)));

    private static SliceItem Slice(string name, IEnumerable<SliceEndpoint> endpoints) =>
        new(new ObjectKey("default", name), Given.Meta("uid-" + name), 1, ValueMap.Empty, ValueMap.Empty) { Ports = Http, Endpoints = [.. endpoints] };

    private static SliceChanges Place(SliceGroup[] groups, SliceItem[] existing, int max = 3) =>
        SlicePlacement.Place(groups, existing, _ => true, ["IPv4"], max);

    private static string Show(SliceChanges changes) => string.Join(' ',
    [
        .. changes.Create.Select(draft => $"+{draft.Endpoints.Count}"),
        .. changes.Update.Select(update => $"{update.Old.Key.Name}={update.New.Endpoints.Count}"),
        .. changes.Delete.Select(slice => $"-{slice.Key.Name}"),
    ]);

    [Fact]
    public void Place_Nothing_MakesOneEmptySlice() => Assert.Equal("+0", Show(Place([], [])));

    [Fact]
    public void Place_NothingAndAnEmptySlice_WritesNothing() =>
        Assert.Equal("", Show(Place([], [Slice("a") with { Ports = [] }])));

    [Fact]
    public void Place_FirstEndpoint_TakesTheEmptySliceOver() =>
        Assert.Equal("a=1", Show(Place([Group(1)], [Slice("a") with { Ports = [] }])));

    [Fact]
    public void Place_LastEndpointGone_EmptiesTheSlice() => Assert.Equal("a=0", Show(Place([], [Slice("a", 1)])));

    [Fact]
    public void Place_ManyNew_FillsWholeSlices() => Assert.Equal("+3 +3 +1", Show(Place([Group(1, 2, 3, 4, 5, 6, 7)], [])));

    [Fact]
    public void Place_OneGone_WritesOnlyItsSlice() =>
        Assert.Equal("b=2", Show(Place([Group(1, 2, 3, 4, 5)], [Slice("a", 1, 2, 3), Slice("b", 4, 5, 6)])));

    [Fact]
    public void Place_OneReplaced_GoesWhereTheOldOneWas() =>
        Assert.Equal("a=3", Show(Place([Group(1, 2, 9, 4)], [Slice("a", 1, 2, 3), Slice("b", 4)])));

    [Fact]
    public void Place_OneNew_GoesToTheFullestSliceWithRoom() =>
        Assert.Equal("b=3", Show(Place([Group(1, 2, 3, 4)], [Slice("a", 1), Slice("b", 2, 3)])));

    [Fact]
    public void Place_NoRoom_MakesANewSlice() => Assert.Equal("+1", Show(Place([Group(1, 2, 3, 4)], [Slice("a", 1, 2, 3)])));

    [Fact]
    public void Place_SliceWithoutWantedEndpoints_IsDeleted() =>
        Assert.Equal("-b", Show(Place([Group(1)], [Slice("a", 1), Slice("b", 2)])));

    [Fact]
    public void Place_ReadinessChanged_UpdatesInPlace() =>
        Assert.Equal("a=2", Show(Place([Group(1, 2)], [Slice("a", [Endpoint(1), Endpoint(2, ready: false)])])));

    [Fact]
    public void Place_PortsChanged_RecyclesTheSlice() =>
        Assert.Equal("a=1", Show(Place([Group(1) with { Ports = [new SlicePort("", "TCP", 9090, null)] }], [Slice("a", 1)])));

    [Fact]
    public void Place_SameEndpointTwice_StaysOnce() =>
        Assert.Equal("-b", Show(Place([Group(1)], [Slice("a", 1), Slice("b", 1)])));

    [Fact]
    public void Place_FamilyNoLongerWanted_DeletesItsSlices() =>
        Assert.Equal("-v6", Show(Place([Group(1)], [Slice("a", 1), Slice("v6") with { AddressType = "IPv6" }])));

    [Fact]
    public void Place_MetadataNotCurrent_RewritesTheSlice() =>
        Assert.Equal("a=1", Show(SlicePlacement.Place([Group(1)], [Slice("a", 1)], _ => false, ["IPv4"], 3)));

    [Fact]
    public void Place_AnyChurn_EndsWithEveryEndpointOnceAndThenRests() =>
        Gen.Int[0, 40].HashSet[0, 30].Array[1, 8].Sample(steps =>
        {
            SliceItem[] slices = [];
            var serial = 0;
            foreach (var step in steps)
            {
                slices = Apply(slices, Place([Group([.. step])], slices, max: 5), ref serial);
                Assert.Equal(step.Order(), slices.SelectMany(slice => slice.Endpoints).Select(endpoint => int.Parse(endpoint.Target!.Name[1..])).Order());
                Assert.All(slices, slice => Assert.InRange(slice.Endpoints.Count, step.Count == 0 ? 0 : 1, 5));
                Assert.True(Place([Group([.. step])], slices, max: 5).IsEmpty);
            }
        });

    private static SliceItem[] Apply(SliceItem[] slices, SliceChanges changes, ref int serial)
    {
        var byName = slices.ToDictionary(slice => slice.Key.Name);
        foreach (var slice in changes.Delete) byName.Remove(slice.Key.Name);
        foreach (var update in changes.Update)
            byName[update.Old.Key.Name] = update.Old with { Ports = update.New.Ports, Endpoints = update.New.Endpoints };
        foreach (var draft in changes.Create)
        {
            var name = $"s{serial++}";
            byName[name] = Slice(name, draft.Endpoints) with { Ports = draft.Ports };
        }
        return [.. byName.Values];
    }
}
