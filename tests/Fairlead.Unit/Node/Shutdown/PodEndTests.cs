using Xunit;

namespace Fairlead.Unit.Node.Shutdown;

/// <summary>Real pods as the machine shuts down.</summary>
public sealed class PodEndTests
{
    private const string Trap = "trap 'echo hears; exit 0' TERM; echo set; while :; do sleep 0.05; done";

    [Fact]
    public async Task End_OfPods_IsFailedTerminatedAndNewOnesAreRefused()
    {
        await using var node = NodeHarness.Start();
        var polite = node.Run("polite", null, "/bin/sh", "-c", Trap);
        var deaf = node.Run("deaf", null, "/bin/sh", "-c", "trap '' TERM; echo set; while :; do sleep 0.05; done");
        var other = node.Run("other", null, "/bin/sleep", "1000");
        foreach (var name in (string[])["polite", "deaf", "other"]) await node.Api.WaitAsync(name, pod => pod?.Status?.Phase == "Running", "running");
        await node.WaitForLogAsync(polite, "set");
        await node.WaitForLogAsync(deaf, "set");

        node.Loop.Refuse();
        await node.Loop.EndAsync([polite, deaf], TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);

        await node.WaitForLogAsync(polite, "hears");
        foreach (var name in (string[])["polite", "deaf"])
        {
            var status = (await node.Api.WaitAsync(name, pod => pod?.Status?.Phase == "Failed", "failed")).Status;
            Assert.Equal(("Terminated", "Pod was terminated in response to imminent node shutdown."), (status.Reason, status.Message));
            Assert.Equal("TerminationByKubelet", status.Conditions.Single(condition => condition.Type == "DisruptionTarget").Reason);
            Assert.Equal("False", status.Conditions.Single(condition => condition.Type == "Ready").Status);
        }
        Assert.Equal("Running", node.Api.Find("other")!.Status.Phase);
        node.Run("late", null, "/bin/sleep", "1000");
        var refused = (await node.Api.WaitAsync("late", pod => pod?.Status?.Phase == "Failed", "refused")).Status;
        Assert.Equal(("NodeShutdown", "Pod was rejected: Pod was rejected as the node is shutting down."), (refused.Reason, refused.Message));

        node.Loop.Resume();
        node.Run("welcome", null, "/bin/sleep", "1000");
        await node.Api.WaitAsync("welcome", pod => pod?.Status?.Phase == "Running", "running");
    }
}
