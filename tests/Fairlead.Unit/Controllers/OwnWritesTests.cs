using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Slices;
using Fairlead.Kube;
using Fairlead.Kube.Informers;
using Microsoft.Extensions.Time.Testing;
using k8s.Models;
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
        Assert.Equal(Given.Now.AddHours(-1), Publish(triggers, a, b));
        Assert.Null(Publish(triggers, a, b));
        var changed = b with { ReadyChanged = Given.Now };
        Assert.Equal(Given.Now, Publish(triggers, a, changed));
        Assert.Null(Publish(triggers, a));
    }

    [Fact]
    public void TriggerTimes_OfWritesThatFail_AreKeptUntilOneSucceeds()
    {
        var triggers = new TriggerTimes();
        var (a, b) = (Given.Pod("a"), Given.Pod("b"));
        Publish(triggers, a, b);
        var changed = a with { ReadyChanged = Given.Now };
        Assert.Equal(Given.Now, triggers.Advance(Given.Service(), [changed, b]));

        // The write failed; nothing more has changed.
        Assert.Equal(Given.Now, triggers.Advance(Given.Service(), [changed, b]));
        // A later change does not hide it, an earlier one counts before it.
        Assert.Equal(Given.Now, triggers.Advance(Given.Service(), [changed, b with { ReadyChanged = Given.Now.AddSeconds(1) }]));
        Assert.Equal(Given.Now.AddSeconds(-1), Publish(triggers, changed, b with { ReadyChanged = Given.Now.AddSeconds(-1) }));
        Assert.Null(Publish(triggers, changed, b with { ReadyChanged = Given.Now.AddSeconds(-1) }));
    }

    /// <summary>A sync whose write succeeds.</summary>
    private static DateTime? Publish(TriggerTimes triggers, params PodItem[] pods)
    {
        var trigger = triggers.Advance(Given.Service(), pods);
        triggers.Published(Given.Service().Key);
        return trigger;
    }

    [Theory]
    [InlineData(0.25, 0.25)]
    // Heard of later than the coarse time explains: the time that is told counts.
    [InlineData(1.5, 0)]
    public void TriggerTimes_HeardOfWithinItsSecond_CountsFromThen(double heardAfter, double counts)
    {
        var triggers = new TriggerTimes();
        var pod = Given.Pod("a");
        Publish(triggers, pod);
        var changed = pod with { ReadyChanged = Given.Now };

        triggers.Observe(new InformerChange<PodItem>(pod.Key, pod, changed), Given.Now.AddSeconds(heardAfter));

        Assert.Equal(Given.Now.AddSeconds(counts), triggers.Advance(Given.Service(), [changed]));
    }

    [Fact]
    public void TriggerTimes_OfAMomentThatTheNodeHasTold_CountsFromThere()
    {
        var triggers = new TriggerTimes();
        var pod = Given.Pod("a");
        Publish(triggers, pod);
        var moment = Given.Now.AddMicroseconds(123_456);
        var changed = pod with { ReadyChanged = Given.Now, ReadyMoment = moment };

        triggers.Observe(new InformerChange<PodItem>(pod.Key, pod, changed), Given.Now.AddSeconds(0.25));

        Assert.Equal(moment, Publish(triggers, changed));
        // Within the same second it turns again.
        Assert.Equal(moment.AddMilliseconds(500), triggers.Advance(Given.Service(), [changed with { ReadyMoment = moment.AddMilliseconds(500) }]));
    }

    [Theory]
    [InlineData("2026-01-01T12:00:00.123456Z", true)]
    // Of another change than the condition tells of.
    [InlineData("2026-01-01T11:59:59.999999Z", false)]
    [InlineData("soon", false)]
    [InlineData(null, false)]
    public void PodItem_ReadinessVerdict_CountsInTheSecondOfTheCondition(string? told, bool counts)
    {
        var pod = new V1Pod
        {
            Metadata = new V1ObjectMeta { Name = "a", NamespaceProperty = "default", Uid = "u", Annotations = told is null ? null : new Dictionary<string, string> { ["fairlead.io/readiness-verdict"] = told } },
            Spec = new V1PodSpec { Containers = [new V1Container { Name = "c" }] },
            Status = new V1PodStatus { Conditions = [new V1PodCondition { Type = "Ready", Status = "True", LastTransitionTime = new DateTime(2026, 1, 1, 12, 0, 0, DateTimeKind.Utc) }] },
        };
        Assert.Equal(counts ? new DateTime(2026, 1, 1, 12, 0, 0, DateTimeKind.Utc).AddMicroseconds(123_456) : null, PodItem.From(pod).ReadyMoment);
    }
}
