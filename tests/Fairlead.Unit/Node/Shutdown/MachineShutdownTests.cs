using System.Threading.Channels;
using Fairlead.Linux.DBus;
using Fairlead.Node.Shutdown;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.Node.Shutdown;

/// <summary>The lock that holds the machine's shutdown up, and what is done while it is held.</summary>
public sealed class MachineShutdownTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-logind-").FullName;
    private readonly FakeTimeProvider _time = new();
    private readonly Scripted _world = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private MachineShutdown Create(params Exception[] failures)
    {
        var first = new Queue<Exception>(failures);
        return new MachineShutdown(
            new ShutdownGrace(TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(10)),
            _ => first.TryDequeue(out var failure) ? Task.FromException<ILogind>(failure) : Task.FromResult<ILogind>(_world), _world, NullLogger.Instance, _time, $"{_folder}/conf");
    }

    [Fact]
    public async Task Shutdown_BeginsAndIsCalledOff_LockIsReleasedAndTakenAnew()
    {
        using var stop = new CancellationTokenSource();
        _world.Delay = TimeSpan.FromMinutes(1);
        var running = Create().RunAsync(stop.Token);
        await _world.HearsAsync("inhibit");

        _world.Tell(true);
        await _world.HearsAsync("end");
        _world.Ended.SetResult();
        await _world.HearsAsync("release");
        _world.Tell(false);
        await _world.HearsAsync("resume");
        await _world.HearsAsync("inhibit");

        // Called off while pods still end: those that follow are spared.
        _world.Ended = new TaskCompletionSource();
        _world.Tell(true);
        await _world.HearsAsync("end");
        _world.Tell(false);
        foreach (var word in (string[])["spared", "release", "resume", "inhibit"]) await _world.HearsAsync(word);
        await stop.CancelAsync();
        await running.WaitAsync(Patience, TestContext.Current.CancellationToken);
        await _world.HearsAsync("release");
        Assert.False(Directory.Exists($"{_folder}/conf"));
    }

    [Fact]
    public async Task Delay_TooShort_IsConfiguredBeforeTheLock()
    {
        using var stop = new CancellationTokenSource();
        _world.Delay = TimeSpan.FromSeconds(5);
        _world.Reloaded = () => _world.Delay = TimeSpan.FromSeconds(30);
        var running = Create().RunAsync(stop.Token);
        await _world.HearsAsync("reload");
        await _world.HearsAsync("inhibit");
        Assert.Contains("[Login]\nInhibitDelayMaxSec=30\n", await File.ReadAllTextAsync($"{_folder}/conf/99-fairlead.conf", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        await stop.CancelAsync();
        await running.WaitAsync(Patience, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Logind_AbsentOrGone_IsLookedForAgain()
    {
        using var stop = new CancellationTokenSource();
        _world.Delay = TimeSpan.FromMinutes(1);
        var running = Create(new System.Net.Sockets.SocketException(), new DBusException("no logind")).RunAsync(stop.Token);
        var heard = _world.HearsAsync("inhibit");
        while (!heard.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
        await heard;
        _world.Vanish();
        await _world.HearsAsync("release");
        heard = _world.HearsAsync("inhibit");
        while (!heard.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
        await heard;
        await stop.CancelAsync();
        await running.WaitAsync(Patience, TestContext.Current.CancellationToken);
    }

    /// <summary>logind and the node, who tell what they are asked.</summary>
    private sealed class Scripted : ILogind, INodeShutdown
    {
        private readonly Channel<string> _heard = Channel.CreateUnbounded<string>();
        private Channel<bool> _shutdowns = Channel.CreateUnbounded<bool>();

        public TimeSpan Delay { get; set; }

        public Action Reloaded { get; set; } = () => { };

        public TaskCompletionSource Ended { get; set; } = new();

        public void Tell(bool begins) => _shutdowns.Writer.TryWrite(begins);

        public void Vanish()
        {
            var old = _shutdowns;
            _shutdowns = Channel.CreateUnbounded<bool>();
            old.Writer.Complete(new DBusException("the bus has ended the connection"));
        }

        public async Task HearsAsync(string word) => Assert.Equal(word, await _heard.Reader.ReadAsync().AsTask().WaitAsync(Patience));

        public Task<TimeSpan> LongestDelayAsync(CancellationToken cancel) => Task.FromResult(Delay);

        public Task ReloadAsync(CancellationToken cancel)
        {
            _heard.Writer.TryWrite("reload");
            Reloaded();
            return Task.CompletedTask;
        }

        public Task<IDisposable> InhibitAsync(CancellationToken cancel)
        {
            _heard.Writer.TryWrite("inhibit");
            return Task.FromResult<IDisposable>(new Lock(_heard.Writer));
        }

        public IAsyncEnumerable<bool> ShutdownsAsync(CancellationToken cancel) => _shutdowns.Reader.ReadAllAsync(cancel);

        public async Task EndPodsAsync(ShutdownGrace grace, CancellationToken cancel)
        {
            _heard.Writer.TryWrite("end");
            try
            {
                await Ended.Task.WaitAsync(cancel);
            }
            catch (OperationCanceledException)
            {
                _heard.Writer.TryWrite("spared");
                throw;
            }
        }

        public void Resume() => _heard.Writer.TryWrite("resume");

        public void Dispose()
        {
        }

        private sealed class Lock(ChannelWriter<string> heard) : IDisposable
        {
            private bool _released;

            public void Dispose()
            {
                if (!_released) heard.TryWrite("release");
                _released = true;
            }
        }
    }
}
