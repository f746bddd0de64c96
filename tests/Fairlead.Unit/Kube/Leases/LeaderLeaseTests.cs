using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Leases;
using Fairlead.Unit.ApiServer;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.Kube.Leases;

/// <summary>client-go's leader election: who leads, how long, and who follows. Each contender has a clock of its own.</summary>
public sealed class LeaderLeaseTests : IAsyncLifetime
{
    private static readonly ObjectKey Key = new("kube-system", "leader");
    private TestApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestApiServer.StartAsync();

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Contenders_OneLeads_AndWhenItEndsTheOtherFollowsAtItsNextTry()
    {
        await using var one = new Contender(_server, "one");
        await UntilAsync(() => one.Leads);
        await using var two = new Contender(_server, "two");
        await PassAsync(() => two.Passed > TimeSpan.FromSeconds(20), one, two);
        Assert.True(one.Leads && !two.Leads);

        await one.StopAsync();
        var before = two.Passed;
        await PassAsync(() => two.Leads, two);

        Assert.True(two.Passed - before <= LeaderLease.Every + LeaderLease.Every, $"it took {two.Passed - before}");
        var lease = await LeaseAsync();
        Assert.Equal(("two", 15, 1), (lease.Spec.HolderIdentity, lease.Spec.LeaseDurationSeconds, lease.Spec.LeaseTransitions));
    }

    [Fact]
    public async Task Released_NobodyHoldsIt()
    {
        await using var one = new Contender(_server, "one");
        await UntilAsync(() => one.Leads);
        await one.StopAsync();

        Assert.False(one.Leads);
        var lease = await LeaseAsync();
        Assert.Equal(("", 1), (lease.Spec.HolderIdentity, lease.Spec.LeaseDurationSeconds));
    }

    [Fact]
    public async Task LeaderThatStandsStill_IsFollowedAfterTheLeasesTimeAndNotBefore()
    {
        await using var one = new Contender(_server, "one");
        await UntilAsync(() => one.Leads);
        await using var two = new Contender(_server, "two");

        // The first's clock stands, so it renews nothing.
        await PassAsync(() => two.Leads, two);

        Assert.True(two.Passed >= LeaderLease.Duration, $"it took {two.Passed}");
    }

    [Fact]
    public async Task LeaderThatCannotRenew_StopsItsWork()
    {
        await using var one = new Contender(_server, "one");
        await UntilAsync(() => one.Leads);
        var before = one.Passed;
        await _server.Client.ReplaceAsync(ApiResources.Leases, await TakenAsync("thief"), null, default);

        await PassAsync(() => !one.Leads, one);

        Assert.True(one.Passed - before <= LeaderLease.Deadline + LeaderLease.Every + LeaderLease.Every, $"it took {one.Passed - before}");
    }

    [Fact]
    public async Task SameIdentityAfterARestart_LeadsAtOnce()
    {
        var first = new Contender(_server, "one");
        await UntilAsync(() => first.Leads);
        await using var again = new Contender(_server, "one");
        await UntilAsync(() => again.Leads);
        await first.DisposeAsync();
    }

    private async Task<k8s.Models.V1Lease> TakenAsync(string by)
    {
        var lease = await LeaseAsync();
        lease.Spec.HolderIdentity = by;
        return lease;
    }

    private async Task<k8s.Models.V1Lease> LeaseAsync() => (await _server.Client.FindAsync(ApiResources.Leases, Key.Namespace, Key.Name, default))!;

    private static async Task PassAsync(Func<bool> holds, params Contender[] clocks) => await UntilAsync(() =>
    {
        if (holds()) return true;
        foreach (var contender in clocks) contender.Pass();
        return false;
    });

    private static async Task UntilAsync(Func<bool> holds)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!holds())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(30), "it does not come true");
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        }
    }

    private sealed class Contender : IAsyncDisposable
    {
        private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _run;
        private readonly long _began;
        private volatile bool _leads;

        public Contender(TestApiServer server, string identity)
        {
            _began = _time.GetTimestamp();
            _run = new LeaderLease(server.Client, Key, identity, NullLogger.Instance, _time).RunAsync(WorkAsync, _stop.Token);
        }

        public bool Leads => _leads;

        public TimeSpan Passed => _time.GetElapsedTime(_began);

        public void Pass() => _time.Advance(TimeSpan.FromMilliseconds(50));

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await _run;
        }

        public async ValueTask DisposeAsync()
        {
            await StopAsync();
            _stop.Dispose();
        }

        private async Task WorkAsync(CancellationToken leading)
        {
            _leads = true;
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, leading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _leads = false;
        }
    }
}
