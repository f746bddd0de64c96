using Xunit;

namespace Fairlead.System;

/// <summary>Agent and server are killed while pods come and go: it converges, and nothing is left of the pods that went.</summary>
public sealed class ChurnTests
{
    [Fact]
    public async Task Kill_AtRandomMomentsOfChurn_ConvergesAndLeaksNothing()
    {
        await using var own = new OwnCluster("churn");
        var kubectl = own.Kubectl;
        await own.UpAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        bool IsOurs(string line, string verb) => line.Contains($"\0{verb}\0", StringComparison.Ordinal) && line.Contains($"/var/lib/fairlead/{own.Name}", StringComparison.Ordinal) && line.Contains("fairlead\0", StringComparison.Ordinal);
        for (var round = 0; round < 4; round++)
        {
            await kubectl.RunAsync("scale", "rc", "kubia", $"--replicas={6 + (round % 2)}");
            await kubectl.RunAsync("delete", "pods", "--all", "--now", "--wait=false");
            await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(500)), TimeProvider.System, TestContext.Current.CancellationToken);
            await Processes.KillAsync(line => IsOurs(line, "agent") || (round % 2 == 1 && IsOurs(line, "server")));
            await own.UpAsync();
        }

        await kubectl.RunAsync("scale", "rc", "kubia", "--replicas=3");
        var pods = await kubectl.WaitForReadyAsync("kubia", 3);
        await kubectl.WaitForEndpointsAsync("kubia", 3);
        Assert.StartsWith("You've hit kubia-", (await kubectl.CurlAsync(pods[0], $"http://{await kubectl.ClusterIpAsync("kubia")}/")).Output, StringComparison.Ordinal);
        // A container that the agent died over while it was started is kept with its root beside its successor, for `logs --previous`: one a pod.
        await Until.AsyncHolds(
            () => Task.FromResult(PodTraces.Of(own.Name)), traces => traces with { Roots = 3 } == new PodTraces(3, 3, 3, 3, 3) && traces.Roots is >= 3 and <= 6, "what there is of three pods");
        await kubectl.RunAsync("delete", "rc", "kubia");
        await Until.AsyncHolds(() => Task.FromResult(PodTraces.Of(own.Name)), traces => traces == default, "nothing is left of any pod");
    }
}
