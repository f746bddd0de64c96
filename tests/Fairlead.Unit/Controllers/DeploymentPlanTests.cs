using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Deployment;
using Fairlead.Kube;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Controllers;

/// <summary>Rollouts as tables: a set is written <c>asked/available</c>, the new one first, then the old ones, oldest first.</summary>
public sealed class DeploymentPlanTests
{
    [Theory]
    // wanted, surge, unavailable → pods more, pods fewer (25% of 10 is 2.5: up to 3, down to 2)
    [InlineData(10, "25%", "25%", 3, 2)]
    [InlineData(3, "25%", "25%", 1, 0)]
    [InlineData(1, "25%", "25%", 1, 0)]
    [InlineData(4, "0", "1", 0, 1)]
    [InlineData(4, "0%", "1%", 0, 1)]
    [InlineData(2, "100%", "0", 2, 0)]
    [InlineData(2, "0", "5", 0, 2)]
    public void Fenceposts_RoundSurgeUpAndUnavailableDown(int wanted, string surge, string unavailable, int more, int fewer)
    {
        var deployment = Given(wanted) with { MaxSurge = Amount(surge), MaxUnavailable = Amount(unavailable) };
        Assert.Equal((more, fewer), (Fenceposts.MaxSurge(deployment), Fenceposts.MaxUnavailable(deployment)));
    }

    [Theory]
    // The new one grows while there is room above.
    [InlineData(3, "1", "0", "0/0 3/3", "1 3")]
    [InlineData(10, "25%", "25%", "0/0 10/10", "3 10")]
    // No room above: old ones go as far as new ones have become available.
    [InlineData(3, "1", "0", "1/0 3/3", "1 3")]
    [InlineData(3, "1", "0", "1/1 3/3", "1 2")]
    [InlineData(3, "1", "0", "1/1 2/2", "2 2")]
    [InlineData(3, "1", "0", "3/3 1/1", "3 0")]
    [InlineData(10, "25%", "25%", "3/0 10/10", "3 8")]
    [InlineData(4, "0", "1", "0/0 4/4", "0 3")]
    // Old pods that serve nobody go first, from the oldest set on, but no more than may be missing.
    [InlineData(10, "0", "2", "2/2 5/0 3/3", "2 3 3")]
    [InlineData(3, "1", "0", "1/0 2/1 1/1", "1 2 1")]
    [InlineData(4, "1", "1", "2/2 2/1 1/1", "2 0 1")]
    // A late status still counts what was given up in the step before.
    [InlineData(6, "2", "1", "5/3 3/6", "5 2")]
    // A new one that is too large shrinks at once.
    [InlineData(2, "1", "0", "4/4 0/0", "2 0")]
    // Done: nothing moves.
    [InlineData(3, "1", "1", "3/3 0/0", "3 0")]
    public void RollingStep_MovesBetweenTheFenceposts(int wanted, string surge, string unavailable, string before, string after)
    {
        var deployment = Given(wanted) with { MaxSurge = Amount(surge), MaxUnavailable = Amount(unavailable) };
        var rollout = RollingPlan.Step(Rollout.Of(deployment, Sets(deployment, before)));
        Assert.Equal(after, Sizes(rollout));
    }

    [Theory]
    // Kubernetes documentation: 10 replicas, maxSurge 3, maxUnavailable 2, half-way at 5 new and 8 old; to 15: 3 more old, 2 more new.
    [InlineData(15, "3", 13, "5/0 8/8", "7 11")]
    [InlineData(5, "3", 13, "5/5 8/8", "3 5")]
    [InlineData(0, "3", 13, "5/5 8/8", "0 0")]
    // One set alone simply follows; so does the newest where none has pods.
    [InlineData(7, "1", 4, "0/0 3/3", "0 7")]
    [InlineData(7, "1", 4, "0/0 0/0", "7 0")]
    public void ScalingStep_IsProportional(int wanted, string surge, int maxBefore, string before, string after)
    {
        var deployment = Given(wanted) with { MaxSurge = Amount(surge) };
        var sets = Sets(deployment, before, new() { [Annotations.DesiredReplicas] = "10", [Annotations.MaxReplicas] = Annotations.Text(maxBefore) });
        var rollout = Rollout.Of(deployment, sets);
        Assert.Equal(before is not "0/0 0/0", ScalingPlan.IsDue(rollout));
        Assert.Equal(after, Sizes(ScalingPlan.Step(rollout)));
    }

    [Fact]
    public void Decide_NewTemplate_MakesItsReplicaSetWithTheNextRevision()
    {
        var deployment = Given(3);
        var old = Set("web-old", "old", 3, 3, new() { [Annotations.Revision] = "4" });
        var decision = Decide(deployment, old);
        Assert.NotNull(decision.Create);
        Assert.Equal(1, decision.Create.Replicas);
        Assert.Equal($"web-{deployment.Template.Hash(0)}", decision.Create.Name);
        Assert.Equal("5", decision.Create.Annotations[Annotations.Revision]);
        Assert.Equal(("3", "4"), (decision.Create.Annotations[Annotations.DesiredReplicas], decision.Create.Annotations[Annotations.MaxReplicas]));
        Assert.Equal("5", decision.Revision);
        Assert.Equal("NewReplicaSetCreated", decision.Status.Find("Progressing")!.Reason);
    }

    [Fact]
    public void Decide_TemplateOfAnOldRevision_NumbersItAnewAndKeepsItsHistory()
    {
        var deployment = Given(3);
        var back = Set("web-1", "new", 0, 0, new() { [Annotations.Revision] = "1" });
        var present = Set("web-2", "old", 3, 3, new() { [Annotations.Revision] = "2" });
        var decision = Decide(deployment, back, present);
        Assert.Null(decision.Create);
        var change = Assert.Single(decision.Change);
        Assert.Equal(("3", "1"), (change.After.Annotations[Annotations.Revision], change.After.Annotations[Annotations.RevisionHistory]));
        Assert.Equal(1, change.After.Replicas);
    }

    [Fact]
    public void Decide_Paused_OnlyScales()
    {
        var deployment = Given(5) with { IsPaused = true };
        var decision = Decide(deployment, Set("web-old", "old", 3, 3));
        Assert.Null(decision.Create);
        Assert.Equal(5, Assert.Single(decision.Change).After.Replicas);
        Assert.Equal(("Unknown", "DeploymentPaused"), (decision.Status.Find("Progressing")!.Status, decision.Status.Find("Progressing")!.Reason));
    }

    [Theory]
    [InlineData(3, true, false, false)]
    [InlineData(0, true, false, false)]
    [InlineData(0, false, true, true)]
    public void Decide_Recreate_WaitsUntilTheLastOldPodHasGone(int oldSize, bool hasPods, bool creates, bool done)
    {
        var deployment = Given(3) with { IsRecreate = true };
        var decision = DeploymentPlan.Decide(deployment, [Set("web-old", "old", oldSize, 0)], _ => hasPods, Controllers.Given.Now);
        Assert.Equal(creates, decision.Create is { Replicas: 3 });
        Assert.Equal(oldSize > 0 ? 0 : -1, decision.Change.Select(change => change.After.Replicas).DefaultIfEmpty(-1).Single());
        Assert.Equal(done, decision.Create is not null);
    }

    [Fact]
    public void Decide_DoneRollout_ForgetsRevisionsBeyondTheLimit_OldestFirst()
    {
        var deployment = Given(2) with { RevisionHistoryLimit = 1 };
        ReplicaItem[] sets =
        [
            Set("web-4", "new", 2, 2, new() { [Annotations.Revision] = "4" }),
            Set("web-3", "c", 0, 0, new() { [Annotations.Revision] = "3" }),
            Set("web-1", "a", 0, 0, new() { [Annotations.Revision] = "1" }),
            Set("web-2", "b", 0, 0, new() { [Annotations.Revision] = "2" }) with { Generation = 2 },
        ];
        Assert.Equal(["web-1"], Decide(deployment, sets).Delete.Select(set => set.Key.Name));
    }

    private static DeploymentDecision Decide(DeploymentItem deployment, params ReplicaItem[] sets) =>
        DeploymentPlan.Decide(deployment, sets, _ => true, Controllers.Given.Now);

    private static string Sizes(Rollout rollout) => string.Join(' ', rollout.Old.Prepend(rollout.New!).Select(set => set.Replicas));

    private static Amount Amount(string text) => Fairlead.Controllers.Cache.Amount.From(text, default);

    private static List<ReplicaItem> Sets(DeploymentItem deployment, string text, Dictionary<string, string>? annotations = null) =>
        [.. text.Split(' ').Select((part, i) =>
        {
            var numbers = part.Split('/').Select(int.Parse).ToArray();
            annotations ??= new() { [Annotations.DesiredReplicas] = Annotations.Text(deployment.Replicas) };
            return Set($"web-{i}", i == 0 ? "new" : $"old{i}", numbers[0], numbers[1], annotations, age: i == 0 ? 0 : 10 - i);
        })];

    internal static DeploymentItem Given(int replicas, string image = "new") => new(
        new ObjectKey("default", "web"), Controllers.Given.Meta("uid-web"), 1, replicas, new SelectorItem(Controllers.Given.Map("app=web")), Template(image))
    {
        MaxSurge = new(1, false),
        MaxUnavailable = new(0, false),
        ProgressDeadline = TimeSpan.FromSeconds(600),
        RevisionHistoryLimit = 10,
    };

    internal static ReplicaItem Set(string name, string image, int replicas, int available, Dictionary<string, string>? annotations = null, int age = 5)
    {
        var meta = Controllers.Given.Meta("uid-" + name);
        return new(
            new ObjectKey("default", name), meta with { Created = meta.Created.AddMinutes(-age) }, 1, replicas,
            new SelectorItem(Controllers.Given.Map("app=web")), Template(image, name))
        {
            Status = Status(replicas, available),
            Annotations = ValueMap.From(annotations),
        };
    }

    private static ReplicaStatus Status(int replicas, int available) => new(replicas, replicas, available, available, 1, "", "");

    private static PodTemplate Template(string image, string? hash = null)
    {
        var labels = new Dictionary<string, string> { ["app"] = "web" };
        if (hash is not null) labels[PodTemplate.HashLabel] = hash;
        return new(new V1PodTemplateSpec { Metadata = new V1ObjectMeta { Labels = labels }, Spec = new V1PodSpec { Containers = [new V1Container { Name = "c", Image = image }] } });
    }
}
