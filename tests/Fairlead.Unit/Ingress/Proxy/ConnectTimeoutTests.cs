using System.Net;
using System.Net.Sockets;
using Fairlead.Unit.Ingress.Routes;
using Xunit;

namespace Fairlead.Unit.Ingress.Proxy;

/// <summary>Pods whose address drops what is sent to it (annotation proxy-connect-timeout).</summary>
public sealed class ConnectTimeoutTests : IDisposable
{
    private const string Host = "kubia.example.com";
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly List<Socket> _queued = [];

    /// <summary>Its queue of connections that nobody accepts is full: the kernel drops the first packet of any other.</summary>
    private readonly IPAddress _silent = Loopback.Next();

    public ConnectTimeoutTests()
    {
        _listener.Bind(new IPEndPoint(_silent, Pod.Port));
        _listener.Listen(0);
        for (var i = 0; i < 4; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            _queued.Add(socket);
            try
            {
                socket.Connect(new IPEndPoint(_silent, Pod.Port));
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
            {
                // It goes on by itself, or waits.
            }
        }
    }

    public void Dispose()
    {
        foreach (var socket in _queued) socket.Dispose();
        _listener.Dispose();
    }

    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task NobodyAnswers_504_WhenTheTimeIsOver(string cors)
    {
        await using var front = Serving(cors, _silent);

        var start = TimeProvider.System.GetTimestamp();
        Assert.Equal(504, Front.Status(await front.GetAsync(Host, "/")));

        // A timer counts ticks of the system's clock, and may be early by one of them.
        Assert.InRange(TimeProvider.System.GetElapsedTime(start), Patience * 0.9, TimeSpan.FromSeconds(4));
    }

    /// <summary>It costs the request that meets it that time, and none of those that follow while it is left out.</summary>
    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task AnotherAnswers_AndTheSilentOneIsLeftOut(string cors)
    {
        await using var pod = await Pod.StartAsync("alive");
        await using var front = Serving(cors, _silent, pod.Address);
        // Turns: at the latest the second request meets it.
        for (var i = 0; i < 2; i++) Assert.Equal("alive", Front.Body(await front.GetAsync(Host, "/")));

        var start = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < 4; i++) Assert.Equal("alive", Front.Body(await front.GetAsync(Host, "/")));

        Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, "a request waited for it again");
    }

    private static Front Serving(string cors, params IPAddress[] pods)
    {
        var front = Front.Start();
        front.Service("web", pods).Objects.Ingress("one", Host, ["Prefix /"], ("enable-cors", cors), ("proxy-connect-timeout", "500ms"));
        front.Commit();
        return front;
    }
}
