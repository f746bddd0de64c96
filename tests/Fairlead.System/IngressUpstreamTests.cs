using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Fairlead.System;

/// <summary>Which pod gets a request, and what becomes of it where a pod fails, is slow, or goes.</summary>
public sealed class IngressUpstreamTests(IngressStand stand) : IClassFixture<IngressStand>
{
    private const string OneByOne = "\nenable-cors: \"true\"";

    private string[] All => [.. stand.Pods.Select(pod => pod.Address)];

    [Fact]
    public async Task RoundRobin_GivesEachItsTurn()
    {
        await stand.ServeAsync("turns.example.com", "load-balance: round_robin");

        var pods = await stand.PodsOfAsync(12, number => $"http://turns.example.com/{number}");

        Assert.Equal(All.Select(pod => (pod, 4)), pods.CountBy(pod => pod).OrderBy(pair => pair.Key).Select(pair => (pair.Key, pair.Value)));
    }

    /// <summary>least_conn leaves out a pod that has a request, ewma one that answered late.</summary>
    [Fact]
    public async Task BusyAndSlowPods_GetLess_WhereThatIsAsked()
    {
        await stand.ApplyAsync(IngressStand.IngressOf("least", "least.example.com", "load-balance: least_conn"), IngressStand.IngressOf("faster", "faster.example.com", "load-balance: ewma"));
        await stand.IsServedAsync("faster.example.com");
        var go = new TaskCompletionSource();
        var busy = stand.Pods[1];
        busy.Instead = Held(() => go.Task);
        var seen = busy.Seen.Count;
        var held = new List<Task<string>>();
        // Until one of them is there.
        await Until.AsyncHolds(() =>
        {
            held.Add(stand.StatusAsync("http://least.example.com/held"));
            return Task.FromResult(busy.Seen.Count);
        }, count => count > seen, "the pod has one");

        var least = await stand.PodsOfAsync(20, number => $"http://least.example.com/{number}");

        Assert.DoesNotContain(busy.Address, least);
        Assert.Equal(2, least.Distinct().Count());
        go.SetResult();
        Assert.All(await Task.WhenAll(held), status => Assert.Equal("200", status));

        busy.Instead = Held(() => Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System));
        await Until.AsyncHolds(() => stand.StatusAsync("http://faster.example.com/first"), _ => busy.Seen.Any(head => head.StartsWith("GET /first", StringComparison.Ordinal)), "the slow one was asked");
        busy.Instead = null;
        var faster = await stand.PodsOfAsync(20, number => $"http://faster.example.com/{number}");
        Assert.DoesNotContain(busy.Address, faster);
        Assert.Equal(20, faster.Count);
    }

    [Theory]
    [InlineData("upstream-hash-by: $arg_user", "")]
    [InlineData("upstream-hash-by: \"${host}-$http_x_user\"", "header")]
    public async Task Hash_KeepsEachUserAtAPod_AndAPodThatGoesMovesItsOwnOnly(string annotation, string by)
    {
        var (name, host) = ($"hashed{by}", $"hashed{by}.example.com");
        await stand.ApplyAsync(IngressStand.ServiceOf(name, IngressStand.Ready(stand.Pods)), IngressStand.IngressOf(name, host, annotation, service: name));
        await stand.IsServedAsync(host);
        // What tells the users apart is in the URL or in a field; the other is the same for all.
        async Task<string[]> PodsAsync()
        {
            return by.Length == 0
                ? [.. await stand.PodsOfAsync(12, user => $"http://{host}/?user={user}")]
                : await Task.WhenAll(Enumerable.Range(0, 12).Select(user => stand.PodOfAsync($"http://{host}/", "-H", $"X-User: {user}")));
        }

        var first = await PodsAsync();
        Assert.Equal(first, await PodsAsync());
        Assert.True(first.Distinct().Count() > 1);
        var gone = first[0];
        await stand.ApplyAsync(IngressStand.ServiceOf(name, IngressStand.Ready(stand.Pods.Where(pod => pod.Address != gone))));

        var moved = await Until.AsyncHolds(PodsAsync, pods => !pods.Contains(gone), "the pod has no more requests");
        Assert.All(first.Zip(moved), pair => Assert.True(pair.First == gone || pair.First == pair.Second));
    }

    /// <summary>Of two endpoints one refuses connections: nobody notices, few requests try it, and when it is back it has its share again.</summary>
    [Theory]
    [InlineData("")]
    [InlineData(OneByOne)]
    public async Task EndpointThatRefuses_IsRetriedElsewhere_AndLeftOut(string more)
    {
        var name = more.Length == 0 ? "refusing" : "refusing-too";
        var address = await stand.OwnAsync(more.Length == 0 ? 31 : 32);
        await stand.ApplyAsync(
            IngressStand.ServiceOf(name, IngressStand.Endpoint(address, "ready: true") + ", " + IngressStand.Ready(stand.Pods[0])),
            IngressStand.IngressOf(name, $"{name}.example.com", "proxy-read-timeout: \"60\"" + more, service: name));
        await stand.IsServedAsync($"{name}.example.com");
        var before = TimeProvider.System.GetTimestamp();

        var pods = await stand.PodsOfAsync(60, number => $"http://{name}.example.com/{number}");
        var posted = await stand.PodsOfAsync(10, number => $"http://{name}.example.com/{number}", "--data", "x");

        Assert.Equal(Enumerable.Repeat(stand.Pods[0].Address, 70), pods.Concat(posted));
        // Every other request would have met it; left out for 1, 2, 4, … seconds it is tried a few times, however slow the machine.
        var elapsed = (int)TimeProvider.System.GetElapsedTime(before).TotalSeconds;
        Assert.InRange(await stand.MetricAsync("fairlead_ingress_upstream_errors_total", $"ingress=\"{name}\""), 1, 3 + (elapsed / 2));
        using var back = new EchoingPod(address);
        await Until.AsyncHolds(() => stand.PodOfAsync($"http://{name}.example.com/"), pod => pod == address, "it is asked again");
    }

    /// <summary>A connection that ends before the answer: what may be said twice is, to another pod; what may not is 502.</summary>
    [Theory]
    [InlineData("")]
    [InlineData(OneByOne)]
    public async Task ConnectionThatEnds_IsRetried_WhereTheRequestMayBeSaidTwice(string more)
    {
        var name = more.Length == 0 ? "ending" : "ending-too";
        await stand.ApplyAsync(IngressStand.ServiceOf(name, IngressStand.Ready(stand.Pods)), IngressStand.IngressOf(name, $"{name}.example.com", "load-balance: round_robin" + more, service: name));
        await stand.IsServedAsync($"{name}.example.com");
        foreach (var pod in stand.Pods.Skip(1)) pod.Instead = (_, _, _) => Task.CompletedTask;
        try
        {
            var gets = await stand.PodsOfAsync(9, number => $"http://{name}.example.com/{number}");
            var posts = await Task.WhenAll(Enumerable.Range(0, 9).Select(_ => stand.StatusAsync($"http://{name}.example.com/posted", "--data", "x")));

            Assert.Equal(Enumerable.Repeat(stand.Pods[0].Address, 9), gets);
            Assert.Contains("502", posts);
            Assert.All(posts, status => Assert.True(status is "200" or "502"));
            Assert.Equal(9, stand.Pods.Sum(pod => pod.Seen.Count(head => head.StartsWith("POST /posted", StringComparison.Ordinal) && head.Contains($"Host: {name}.", StringComparison.Ordinal))));
        }
        finally
        {
            foreach (var pod in stand.Pods) pod.Instead = null;
        }
    }

    /// <summary>A pod breaks a connection that was kept just as the next request comes: that is no failure, even where there is no other pod.</summary>
    [Theory]
    [InlineData("")]
    [InlineData(OneByOne)]
    public async Task KeptConnectionThatBreaks_IsMadeAnew(string more)
    {
        var name = more.Length == 0 ? "breaking" : "breaking-too";
        using var pod = await OnlyPodAsync(name, more.Length == 0 ? 37 : 38, more);
        pod.Instead = async (_, reader, stream) =>
        {
            await stream.WriteAsync(global::System.Text.Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {pod.Address.Length + 1}\r\n\r\n{pod.Address}\n"));
            await reader.ReadLineAsync();
            ((NetworkStream)stream).Socket.LingerState = new LingerOption(true, 0);
        };

        var pods = await stand.PodsOfAsync(9, number => $"http://{name}.example.com/{number}");

        Assert.Equal(Enumerable.Repeat(pod.Address, 9), pods);
        Assert.True(pod.Connections >= 5, $"{pod.Connections} connections");
    }

    /// <summary>proxy-connect-timeout: nobody takes the connection. proxy-read-timeout: no answer. proxy-send-timeout: the pod does not read.</summary>
    [Theory]
    [InlineData("")]
    [InlineData(OneByOne)]
    public async Task PodThatKeepsOneWaiting_Is504(string more)
    {
        var number = more.Length == 0 ? 33 : 34;
        using var silent = new FullListener(await stand.OwnAsync(number));
        using var lazy = await stand.PodAsync(number + 2);
        var go = new TaskCompletionSource();
        lazy.Instead = Held(() => go.Task);
        var host = $"waiting-{number}.example.com";
        await stand.ApplyAsync(
            IngressStand.ServiceOf($"silent-{number}", IngressStand.Endpoint(silent.Address, "ready: true")), IngressStand.ServiceOf($"lazy-{number}", IngressStand.Ready(lazy)),
            IngressStand.IngressOf($"connect-{number}", host, "proxy-connect-timeout: \"1\"" + more, "/connect", service: $"silent-{number}"),
            IngressStand.IngressOf($"read-{number}", host, "proxy-read-timeout: \"1\"" + more, "/read", service: $"lazy-{number}"),
            IngressStand.IngressOf($"send-{number}", host, "proxy-send-timeout: \"1\"\nproxy-read-timeout: \"1\"" + more, "/send", service: $"lazy-{number}"),
            IngressStand.IngressOf($"after-{number}", $"after.{host}"));
        await stand.IsServedAsync($"after.{host}");
        var large = $"{stand.Folder}/large";
        await using (var file = File.Create(large)) file.SetLength(64 << 20);
        var before = TimeProvider.System.GetTimestamp();

        var statuses = await Task.WhenAll(
            stand.StatusAsync($"http://{host}/connect"), stand.StatusAsync($"http://{host}/read"), stand.StatusAsync($"http://{host}/send", "-H", "Expect:", "--upload-file", large));

        Assert.Equal(["504", "504", "504"], statuses);
        // Neither at once, nor by the time-outs of those who said nothing.
        Assert.InRange(TimeProvider.System.GetElapsedTime(before), TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(30));
        go.SetResult();
    }

    /// <summary>A pod on its way out: what it has under way ends well, its sessions stay as long as it serves, nobody new comes, and where all go, all still serve.</summary>
    [Fact]
    public async Task TerminatingEndpoint_Drains()
    {
        const string url = "http://drained.example.com/";
        string[] states = ["ready: true", "ready: true", "ready: true"];
        Task ApplyAsync() => stand.ApplyAsync(IngressStand.ServiceOf("drained", string.Join(", ", stand.Pods.Select((pod, at) => IngressStand.Endpoint(pod.Address, states[at])))));
        await ApplyAsync();
        await stand.ServeAsync("drained.example.com", "affinity: cookie\nsession-cookie-name: route", service: "drained");
        var jar = $"{stand.Folder}/drained";
        var mine = await stand.PodOfAsync(url, "-c", jar);
        var at = Array.IndexOf(All, mine);
        var go = new TaskCompletionSource();
        stand.Pods[at].Instead = Held(() => go.Task);
        var seen = stand.Pods[at].Seen.Count;
        var underWay = stand.StatusAsync(url, "-b", jar);
        await Until.AsyncHolds(() => Task.FromResult(stand.Pods[at].Seen.Count), count => count > seen, "the pod has a request");
        stand.Pods[at].Instead = null;

        states[at] = "ready: false, serving: true, terminating: true";
        await ApplyAsync();

        await Until.AsyncHolds(() => stand.PodsOfAsync(9, _ => url), pods => pods.Count == 9 && !pods.Contains(mine), "nobody new comes");
        Assert.Equal(mine, await stand.PodOfAsync(url, "-b", jar));
        states[at] = "ready: false, serving: false, terminating: true";
        await ApplyAsync();
        await Until.AsyncHolds(() => stand.PodOfAsync(url, "-b", jar), pod => pod != mine && pod.Length > 0, "the session moves");
        go.SetResult();
        Assert.Equal("200", await underWay);

        Array.Fill(states, "ready: false, serving: true, terminating: true");
        await ApplyAsync();
        await Until.AsyncHolds(() => stand.PodsOfAsync(9, _ => url), pods => pods.Distinct().Count() == 3, "all of them serve");
        Array.Fill(states, "ready: false, serving: false, terminating: true");
        await ApplyAsync();
        await Until.AsyncHolds(() => stand.StatusAsync(url), status => status == "503", "none serves");
    }

    /// <summary>A session whose pod refuses connections is served by another; whether it stays there is the annotation's to say.</summary>
    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task Session_WhosePodFails_MovesForGood_WhereThatIsAsked(string moves)
    {
        var (name, number) = ($"failing-{moves}", moves == "true" ? 41 : 42);
        var url = $"http://{name}.example.com/";
        var frail = await stand.PodAsync(number);
        await stand.ApplyAsync(IngressStand.ServiceOf(name, IngressStand.Ready(frail, stand.Pods[0])));
        await stand.ServeAsync($"{name}.example.com", $"affinity: cookie\nsession-cookie-name: route\nsession-cookie-change-on-failure: \"{moves}\"", service: name);
        var jar = $"{stand.Folder}/{name}";
        await Until.AsyncHolds(() => stand.PodOfAsync(url, "-c", jar), pod => pod == frail.Address, "a session of the frail one");
        frail.Dispose();
        // Connections that are kept would serve on: the server only stopped listening.
        frail.Instead = (_, _, _) => Task.CompletedTask;

        Assert.Equal(stand.Pods[0].Address, await stand.PodOfAsync(url, "-b", jar, "-c", jar));

        using var back = new EchoingPod(frail.Address);
        await Until.AsyncHolds(() => stand.PodOfAsync(url), pod => pod == frail.Address, "it is back");
        Assert.Equal(moves == "true" ? stand.Pods[0].Address : frail.Address, await stand.PodOfAsync(url, "-b", jar));
    }

    [Theory]
    [InlineData("")]
    [InlineData(OneByOne)]
    public async Task ConnectionsToPods_AreKept(string more)
    {
        var name = more.Length == 0 ? "kept" : "kept-too";
        using var pod = await OnlyPodAsync(name, more.Length == 0 ? 43 : 44, more);

        // Each curl's connection may be another thread's.
        for (var i = 0; i < 3; i++) await stand.PodsOfAsync(20, number => $"http://{name}.example.com/{number}");

        Assert.True(pod.Seen.Count >= 60);
        Assert.InRange(pod.Connections, 1, Environment.ProcessorCount + 1);
    }

    /// <summary>Answers when it may.</summary>
    private static Func<string, StreamReader, Stream, Task> Held(Func<Task> until) => async (_, _, stream) =>
    {
        await until();
        await stream.WriteAsync("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"u8.ToArray());
    };

    /// <summary>Its queue of connections that nobody accepts is full: the kernel drops the first packet of any other.</summary>
    private sealed class FullListener : IDisposable
    {
        private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private readonly List<Socket> _queued = [];

        public FullListener(string address)
        {
            Address = address;
            var point = new IPEndPoint(IPAddress.Parse(address), EchoingPod.Port);
            _listener.Bind(point);
            _listener.Listen(0);
            for (var i = 0; i < 4; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
                _queued.Add(socket);
                try
                {
                    socket.Connect(point);
                }
                catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
                {
                    // It goes on by itself, or waits.
                }
            }
        }

        public string Address { get; }

        public void Dispose()
        {
            foreach (var socket in _queued) socket.Dispose();
            _listener.Dispose();
        }
    }

    /// <summary>A pod that alone serves an Ingress of its own, with more annotations if wanted.</summary>
    private async Task<EchoingPod> OnlyPodAsync(string name, int number, string more)
    {
        var pod = await stand.PodAsync(number);
        await stand.ApplyAsync(IngressStand.ServiceOf(name, IngressStand.Ready(pod)), IngressStand.IngressOf(name, $"{name}.example.com", "load-balance: round_robin" + more, service: name));
        await stand.IsServedAsync($"{name}.example.com");
        return pod;
    }
}
