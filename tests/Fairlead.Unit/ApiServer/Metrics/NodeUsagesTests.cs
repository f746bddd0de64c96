using System.Globalization;
using Fairlead.ApiServer.Metrics.Usage;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.ApiServer.Metrics;

/// <summary>When nodes are asked. The node of these tests has used a tenth of a core, always.</summary>
public sealed class NodeUsagesTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly NodeUsages _usages;
    private int _questions;
    private string? _failure;

    public NodeUsagesTests() => _usages = new NodeUsages(ReadAsync, _time, NullLogger.Instance);

    private Task<string> ReadAsync(string node, CancellationToken cancel)
    {
        _questions++;
        if (_failure is not null) throw new HttpRequestException(_failure);
        var now = _time.GetUtcNow();
        var seconds = (now - DateTimeOffset.UnixEpoch).TotalSeconds / 10;
        return Task.FromResult(string.Create(CultureInfo.InvariantCulture, $"node_cpu_usage_seconds_total {seconds} {now.ToUnixTimeMilliseconds()}\n"));
    }

    private async Task<NodeUsage?> AskAsync(bool waits)
    {
        var asked = _usages.OfAsync("n", _ => true, TestContext.Current.CancellationToken);
        Assert.Equal(!waits, asked.IsCompleted);
        if (waits) _time.Advance(NodeUsages.ShortestWindow);
        return await asked;
    }

    [Fact]
    public async Task First_WaitsForTheShortestWindow()
    {
        var usage = await AskAsync(waits: true);

        Assert.Equal((NodeUsages.ShortestWindow, 0.1, 2), (usage!.Node!.Value.Window, Math.Round(usage.Node.Value.Cores, 6), _questions));
    }

    [Fact]
    public async Task Second_SoonAfter_HasTheWindowSinceTheFirst()
    {
        await AskAsync(waits: true);
        _time.Advance(TimeSpan.FromSeconds(7));

        var usage = await AskAsync(waits: false);

        Assert.Equal((TimeSpan.FromSeconds(7), 3), (usage!.Node!.Value.Window, _questions));
    }

    [Fact]
    public async Task Second_AtOnce_SharesTheAnswer()
    {
        var (one, other) = (_usages.OfAsync("n", _ => true, TestContext.Current.CancellationToken), _usages.OfAsync("n", _ => true, TestContext.Current.CancellationToken));
        _time.Advance(NodeUsages.ShortestWindow);

        Assert.Same(await one, await other);
        Assert.Same(await one, await AskAsync(waits: false));
        Assert.Equal(2, _questions);
    }

    [Fact]
    public async Task Second_AtOnceButTheAnswerDoesNotDo_AsksAgain()
    {
        var first = await AskAsync(waits: true);

        var asked = _usages.OfAsync("n", usage => !ReferenceEquals(usage, first), TestContext.Current.CancellationToken);
        Assert.False(asked.IsCompleted);
        _time.Advance(NodeUsages.ShortestWindow);

        Assert.NotSame(first, await asked);
        Assert.Equal(3, _questions);
    }

    [Fact]
    public async Task Second_LongAfter_BeginsAnew()
    {
        await AskAsync(waits: true);
        _time.Advance(NodeUsages.LongestWindow + TimeSpan.FromSeconds(1));

        var usage = await AskAsync(waits: true);

        Assert.Equal((NodeUsages.ShortestWindow, 4), (usage!.Node!.Value.Window, _questions));
    }

    [Fact]
    public async Task Node_DoesNotAnswer_IsNothingUntilItDoes()
    {
        _failure = "no route to host";
        Assert.Null(await AskAsync(waits: false));
        _failure = null;
        Assert.NotNull(await AskAsync(waits: true));
    }

    [Fact]
    public async Task Node_Gone_IsForgotten()
    {
        await AskAsync(waits: true);
        _usages.Keep(new HashSet<string>());

        Assert.NotNull(await AskAsync(waits: true));
        Assert.Equal(4, _questions);
    }
}
