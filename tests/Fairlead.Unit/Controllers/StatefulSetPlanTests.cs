using Fairlead.Controllers.Cache;
using Fairlead.Controllers.StatefulSet;
using Fairlead.Kube;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Controllers;

/// <summary>
/// A pod is written as its ordinal and what it is: <c>r</c> ready, <c>u</c> not ready, <c>d</c> on its way out, <c>f</c> failed,
/// with <c>'</c> where it is of the new template. Answers: <c>+n</c> made, <c>+n'</c> made of the new template, <c>-n</c> deleted.
/// </summary>
public sealed class StatefulSetPlanTests
{
    [Theory]
    // One after the other, each waiting for the one before it.
    [InlineData(3, "", "", "+0'")]
    [InlineData(3, "", "0r'", "+1'")]
    [InlineData(3, "", "0u'", "")]
    [InlineData(3, "", "0r' 1r' 2r'", "")]
    [InlineData(3, "", "0r' 2r'", "+1'")]
    [InlineData(2, "start=5", "", "+5'")]
    [InlineData(2, "start=5", "5r' 6r' 4r'", "-4")]
    // Down from the top, while those below are well.
    [InlineData(1, "", "0r' 1r' 2r'", "-2")]
    [InlineData(1, "", "0r' 1r' 2d'", "")]
    [InlineData(1, "", "0u' 1r' 2r'", "")]
    [InlineData(1, "", "0r' 1u' 2r'", "-2")]
    [InlineData(1, "", "0r' 1r' 2u'", "-2")]
    // A pod that ended is replaced.
    [InlineData(2, "", "0f' 1r'", "-0")]
    // A new template: highest first, one at a time, never beyond the partition.
    [InlineData(3, "", "0r 1r 2r", "-2")]
    [InlineData(3, "", "0r 1r 2u'", "")]
    [InlineData(3, "", "0r 1r 2r'", "-1")]
    [InlineData(3, "partition=1", "0r 1r' 2r'", "")]
    [InlineData(3, "partition=2", "0r 1d 2r'", "")]
    [InlineData(3, "partition=2", "0r 2r'", "+1")]
    [InlineData(3, "ondelete", "0r 1r 2r", "")]
    [InlineData(3, "ondelete", "0r 2r", "+1'")]
    [InlineData(3, "parallel max=2", "0r 1r 2r", "-2 -1")]
    // In parallel nobody waits, but updates still go one by one.
    [InlineData(3, "parallel", "", "+0' +1' +2'")]
    [InlineData(1, "parallel", "0u' 1r' 2r'", "-2 -1")]
    [InlineData(3, "parallel", "0r 1r 2r", "-2")]
    public void Decide_Pods_MoveInOrder(int replicas, string options, string pods, string expected)
    {
        var set = Set(replicas, options);
        var decision = StatefulSetPlan.Decide(set, Pods(pods), "old", "new", Given.Now);
        var steps = decision.Create.Select(pod => $"+{pod.Ordinal}{(pod.IsNewest ? "'" : "")}").Concat(decision.Delete.Select(pod => $"-{pod.Key.Name[4..]}"));
        Assert.Equal(expected, string.Join(' ', steps));
    }

    [Fact]
    public void Decide_MinReadySeconds_HoldsTheNextPodBack()
    {
        var set = Set(2, "") with { MinReadySeconds = 10 };
        PodItem[] fresh = [.. Pods("0r'").Select(pod => pod with { ReadyChanged = Given.Now.AddSeconds(-4) })];
        Assert.Empty(StatefulSetPlan.Decide(set, fresh, "new", "new", Given.Now).Create);
        Assert.Single(StatefulSetPlan.Decide(set, fresh, "new", "new", Given.Now.AddSeconds(6)).Create);
    }

    [Fact]
    public void Status_AllUpdated_MakesTheNewRevisionTheCurrentOne()
    {
        var half = StatefulSetPlan.Decide(Set(2, ""), Pods("0r 1r'"), "old", "new", Given.Now).Status;
        Assert.Equal((2, 2, 1, 1, "old", "new"), (half.Replicas, half.Ready, half.Current, half.Updated, half.CurrentRevision, half.UpdateRevision));
        var done = StatefulSetPlan.Decide(Set(2, ""), Pods("0r' 1r'"), "old", "new", Given.Now).Status;
        Assert.Equal((2, 2, "new"), (done.Current, done.Updated, done.CurrentRevision));
    }

    [Theory]
    [InlineData("web-0", 0)]
    [InlineData("web-12", 12)]
    [InlineData("web-01", null)]
    [InlineData("web-", null)]
    [InlineData("web-x", null)]
    [InlineData("webs-1", null)]
    [InlineData("web-1-2", null)]
    public void Ordinal_ReadsOnlyTheSetsOwnNames(string name, int? ordinal) => Assert.Equal(ordinal, PodIdentity.Ordinal(Set(1, ""), Given.Pod(name)));

    private static StatefulSetItem Set(int replicas, string options) => new(
        new ObjectKey("default", "web"), Given.Meta("uid-web"), 1, replicas, new SelectorItem(Given.Map("app=web")), new PodTemplate(new V1PodTemplateSpec()))
    {
        Start = Option(options, "start"),
        Partition = Option(options, "partition"),
        MaxUnavailable = new(Math.Max(1, Option(options, "max")), false),
        IsParallel = options.Contains("parallel", StringComparison.Ordinal),
        UpdatesOnDelete = options.Contains("ondelete", StringComparison.Ordinal),
    };

    private static int Option(string options, string name) =>
        options.Split(' ').Where(option => option.StartsWith(name + "=", StringComparison.Ordinal)).Select(option => int.Parse(option[(name.Length + 1)..])).FirstOrDefault();

    private static IEnumerable<PodItem> Pods(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(part =>
    {
        var revision = part.EndsWith('\'') ? "new" : "old";
        var name = $"web-{part[0]}";
        var pod = Given.Pod(name, $"app=web,controller-revision-hash={revision},statefulset.kubernetes.io/pod-name={name},apps.kubernetes.io/pod-index={part[0]}", ready: part[1] != 'u');
        return part[1] switch { 'd' => pod.Deleting(), 'f' => pod with { Phase = "Failed" }, _ => pod };
    });
}
