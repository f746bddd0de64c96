using System.Text;
using Fairlead.Node.Runtime;
using Fairlead.Node.Streaming;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.Node;

public sealed class LogRotationTests
{
    [Fact]
    public async Task Log_ThatGrows_IsRotatedWhileItIsFollowedWithoutALineLost()
    {
        await using var node = NodeHarness.Start();
        var pod = node.Run("chatty", null, "/bin/sh", "-c", "i=0; while [ $i -lt 400 ]; do echo line $i; i=$((i+1)); sleep 0.01; done; echo last; sleep 1000");
        await node.Api.WaitAsync("chatty", p => p?.Status?.Phase == "Running", "running");
        var container = Assert.Single(node.Runtime.Observe(pod.Metadata.Uid).Containers);
        var output = new MemoryStream();
        using var stop = new CancellationTokenSource();
        var follow = new LogFile(container.LogPath, new LogOptions { Follow = true }).CopyAsync(output, () => false, Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop.Token), stop.Token);
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var rotation = new LogRotation(node.Runtime, NullLogger.Instance, clock) { MaxBytes = 2000, MaxFiles = 4 };
        var began = TimeProvider.System.GetTimestamp();
        while (!Text().Contains("last", StringComparison.Ordinal))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(20), $"never the last line: {Text().Length} characters; {string.Join(" ", Directory.EnumerateFiles(Path.GetDirectoryName(container.LogPath)!).Select(f => $"{Path.GetFileName(f)}:{new FileInfo(f).Length}"))}");
            clock.Advance(TimeSpan.FromSeconds(1));
            await rotation.RotateAllAsync(CancellationToken.None);
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => follow);
        Assert.Equal(Enumerable.Range(0, 400).Select(i => $"line {i}").Append("last"), Text().Split('\n', StringSplitOptions.RemoveEmptyEntries));
        var rotated = LogRotation.Rotated(container.LogPath);
        Assert.Equal(3, rotated.Count);
        Assert.Equal([true, true, false], rotated.Select(path => path.EndsWith(".gz", StringComparison.Ordinal)));

        node.Api.Delete("chatty", 0);
        await node.Api.WaitAsync("chatty", p => p is null, "gone");
        Assert.Empty(LogRotation.Rotated(container.LogPath));

        string Text() => Encoding.UTF8.GetString(output.ToArray());
    }
}
