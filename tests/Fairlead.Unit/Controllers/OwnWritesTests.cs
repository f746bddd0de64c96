using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Slices;
using Fairlead.Kube;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.Controllers;

public sealed class OwnWritesTests
{
    private static readonly ObjectKey Service = new("default", "kubia");
    private static readonly ObjectKey Slice = new("default", "kubia-abcde");

    private static SliceItem Shown(long version) => new(Slice, Given.Meta("uid"), version, ValueMap.Empty, ValueMap.Empty);

    [Fact]
    public void AreShown_UntilTheCacheHasTheVersion_IsFalse()
    {
        var writes = new OwnWrites(new FakeTimeProvider(), _ => null);
        writes.Wrote(Slice, Service, 7);
        writes.Observe(Slice, Service, Shown(6));
        Assert.False(writes.AreShown(Service));
        writes.Observe(Slice, Service, Shown(7));
        Assert.True(writes.AreShown(Service));
    }

    [Fact]
    public void AreShown_CacheWasFasterThanTheAnswer_IsTrue()
    {
        var writes = new OwnWrites(new FakeTimeProvider(), _ => Shown(7));
        writes.Wrote(Slice, Service, 7);
        Assert.True(writes.AreShown(Service));
    }

    [Fact]
    public void AreShown_DeletedSlice_MustLeaveTheCache()
    {
        var writes = new OwnWrites(new FakeTimeProvider(), _ => Shown(7));
        writes.Deleted(Slice, Service);
        writes.Observe(Slice, Service, Shown(8));
        Assert.False(writes.AreShown(Service));
        writes.Observe(Slice, Service, null);
        Assert.True(writes.AreShown(Service));
    }

    [Fact]
    public void AreShown_NeverShown_IsGivenUp()
    {
        var time = new FakeTimeProvider();
        var writes = new OwnWrites(time, _ => null);
        writes.Wrote(Slice, Service, 7);
        time.Advance(OwnWrites.Patience);
        Assert.True(writes.AreShown(Service));
    }

    [Fact]
    public void TriggerTimes_FirstTheServicesCreation_ThenWhatChanged()
    {
        var triggers = new TriggerTimes();
        var (a, b) = (Given.Pod("a"), Given.Pod("b"));
        Assert.Equal(Given.Now.AddHours(-1), triggers.Advance(Given.Service(), [a, b]));
        Assert.Null(triggers.Advance(Given.Service(), [a, b]));
        var changed = b with { ReadyChanged = Given.Now };
        Assert.Equal(Given.Now, triggers.Advance(Given.Service(), [a, changed]));
        Assert.Null(triggers.Advance(Given.Service(), [a]));
    }
}
