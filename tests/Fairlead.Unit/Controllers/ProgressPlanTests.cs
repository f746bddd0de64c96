using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Deployment;
using Xunit;

namespace Fairlead.Unit.Controllers;

public sealed class ProgressPlanTests
{
    [Theory]
    // updated/ready/available/all before and now; the condition there was; how long ago it was written (s) → status, reason
    [InlineData("0/0/0/3", "3/3/3/3", "ReplicaSetUpdated", 5, "True", "NewReplicaSetAvailable")]
    [InlineData("1/3/3/4", "2/3/3/4", "ReplicaSetUpdated", 5, "True", "ReplicaSetUpdated")]
    [InlineData("1/3/3/4", "1/4/3/4", "ProgressDeadlineExceeded", 900, "True", "ReplicaSetUpdated")]
    [InlineData("1/3/3/4", "1/3/3/4", "ReplicaSetUpdated", 599, "True", "ReplicaSetUpdated")]
    [InlineData("1/3/3/4", "1/3/3/4", "ReplicaSetUpdated", 601, "False", "ProgressDeadlineExceeded")]
    // Done once is done: losing pods afterwards is no rollout.
    [InlineData("3/3/3/3", "3/1/1/3", "NewReplicaSetAvailable", 900, "True", "NewReplicaSetAvailable")]
    public void Judge_Rollout_SaysHowItGets(string before, string now, string reason, int age, string status, string expected)
    {
        var written = Given.Now.AddSeconds(-age);
        var conditions = new DeploymentCondition("Progressing", reason == "ProgressDeadlineExceeded" ? "False" : "True", reason, "", written, written);
        var deployment = DeploymentPlanTests.Given(3) with { Status = Counts(before) with { Conditions = [conditions] } };
        var rollout = Rollout.Of(deployment, [DeploymentPlanTests.Set("web-1", "new", 3, 3)]);
        var judged = ProgressPlan.Judge(rollout, Counts(now) with { Conditions = [conditions] }, Given.Now).Find("Progressing")!;
        Assert.Equal((status, expected), (judged.Status, judged.Reason));
    }

    [Fact]
    public void Judge_WithoutDeadline_TellsNothing()
    {
        var deployment = DeploymentPlanTests.Given(3) with { ProgressDeadline = null };
        var rollout = Rollout.Of(deployment, []);
        Assert.Empty(ProgressPlan.Judge(rollout, Counts("1/1/1/1"), Given.Now).Conditions);
        Assert.Null(ProgressPlan.UntilTimeOut(deployment, Counts("1/1/1/1"), Given.Now));
    }

    [Fact]
    public void Judge_SetThatCannotMakePods_IsTold()
    {
        var deployment = DeploymentPlanTests.Given(3);
        var set = DeploymentPlanTests.Set("web-1", "new", 3, 0);
        set = set with { Status = set.Status with { FailureReason = "FailedCreate", FailureMessage = "quota" } };
        var judged = ProgressPlan.Judge(Rollout.Of(deployment, [set]), Counts("0/0/0/0"), Given.Now).Find("ReplicaFailure")!;
        Assert.Equal(("True", "FailedCreate", "quota"), (judged.Status, judged.Reason, judged.Message));
    }

    [Theory]
    [InlineData(3, "True", "MinimumReplicasAvailable")]
    [InlineData(2, "True", "MinimumReplicasAvailable")]
    [InlineData(1, "False", "MinimumReplicasUnavailable")]
    public void Count_Available_AllowsForMaxUnavailable(int available, string status, string reason)
    {
        var deployment = DeploymentPlanTests.Given(3) with { MaxUnavailable = new(1, false) };
        var counted = StatusPlan.Count(Rollout.Of(deployment, [DeploymentPlanTests.Set("web-1", "new", 3, available)]), Given.Now);
        Assert.Equal((status, reason), (counted.Find("Available")!.Status, counted.Find("Available")!.Reason));
        Assert.Equal((3, 3, 3 - available), (counted.Replicas, counted.Updated, counted.Unavailable));
    }

    private static DeploymentStatus Counts(string text)
    {
        var numbers = text.Split('/').Select(int.Parse).ToArray();
        return new(numbers[3], numbers[0], numbers[1], numbers[2], 0, 0, 0, 1);
    }
}
