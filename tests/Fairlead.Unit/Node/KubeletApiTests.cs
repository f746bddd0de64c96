using System.Net;
using System.Text;
using Fairlead.Node.Streaming;
using k8s.Models;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Fairlead.Unit.Node;

/// <summary>The kubelet API over real containers.</summary>
public sealed class KubeletApiTests
{
    private static bool IsRunning(V1Pod? pod) => pod?.Status?.Phase == "Running" && pod.Status.Conditions.Any(c => c.Type == "Ready" && c.Status == "True");

    private static string Query(string command, string rest) => $"/exec/default/a/main?command=/bin/sh&command=-c&command={Uri.EscapeDataString(command)}&{rest}";

    private static async Task<(NodeHarness Node, KubeletClient Kubelet)> StartAsync(string script = "exec sleep 1000")
    {
        var node = NodeHarness.Start();
        node.Run("a", null, "/bin/sh", "-c", script);
        await node.Api.WaitAsync("a", IsRunning, "running");
        return (node, await KubeletClient.StartAsync(node));
    }

    [Theory]
    [InlineData("v5.channel.k8s.io")]
    [InlineData("v4.channel.k8s.io")]
    [InlineData("v4.base64.channel.k8s.io")]
    public async Task Exec_ProgramFails_StreamsAndExitCodeCome(string protocol)
    {
        var (node, kubelet) = await StartAsync();
        await using var _ = node;
        await using var __ = kubelet;
        var (output, errors, result) = await kubelet.ExecAsync(Query("hostname; echo no >&2; exit 7", "output=1&error=1"), protocol);
        Assert.Equal("a\n", output);
        Assert.Equal("no\n", errors);
        Assert.Equal("NonZeroExitCode", result!.Reason);
        Assert.Equal("7", result.Details.Causes[0].Message);
    }

    [Fact]
    public async Task Logs_FolderAndFile_AreServedAndNothingAbove()
    {
        var (node, kubelet) = await StartAsync();
        await using var _ = node;
        await using var __ = kubelet;
        Assert.Contains("<a href=\"pods/\">pods/</a>", await kubelet.Http.GetStringAsync("/logs/"), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await kubelet.Http.GetAsync("/logs/%2e%2e/addresses/")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await kubelet.Http.GetAsync("/logs/no")).StatusCode);
    }

    [Fact]
    public async Task Exec_InputClosed_ReachesTheProgram()
    {
        var (node, kubelet) = await StartAsync();
        await using var _ = node;
        await using var __ = kubelet;
        var (output, _, result) = await kubelet.ExecAsync(Query("wc -c; echo end", "input=1&output=1&error=1"), input: new string('x', 100_000));
        Assert.Equal("100000\nend\n", output);
        Assert.Equal("Success", result!.Status);
    }

    [Fact]
    public async Task Exec_Terminal_HasSizeAndEchoes()
    {
        var (node, kubelet) = await StartAsync();
        await using var _ = node;
        await using var __ = kubelet;
        using var socket = await kubelet.OpenAsync(Query("tty; read go; while [ \"$(stty size)\" != '43 132' ]; do sleep 0.02; done; echo got $go; exit 4", "input=1&output=1&tty=1"), "v5.channel.k8s.io");
        await KubeletClient.SendAsync(socket, 4, Encoding.UTF8.GetBytes("{\"Width\":132,\"Height\":43}\n"));
        await KubeletClient.SendAsync(socket, 0, Encoding.UTF8.GetBytes("go\n"));
        var (output, errors, result) = await KubeletClient.ReadAsync(socket);
        // The runtime turns its own terminal's ONLCR off a moment after the start: until then a line may end in \r\r\n.
        Assert.Contains("/dev/pts/0\r", output);
        Assert.Contains("got go\r\n", output);
        Assert.Empty(errors);
        Assert.Equal("4", result!.Details.Causes[0].Message);
    }

    [Theory]
    [InlineData("output=1")]
    [InlineData("input=1&output=1&tty=1")]
    public async Task Exec_ClientVanishes_LeavesNoProcess(string streams)
    {
        var (node, kubelet) = await StartAsync();
        await using var _ = node;
        await using var __ = kubelet;
        using (var socket = await kubelet.OpenAsync(Query("sleep 4321 & echo up; trap '' HUP TERM; while :; do sleep 4322; done", streams), "v5.channel.k8s.io"))
        {
            while (await KubeletClient.ReceiveAsync(socket) is var (_, text) && !text.Contains("up"))
            {
            }
            socket.Abort();
        }
        var began = TimeProvider.System.GetTimestamp();
        while (Sleepers().Count > 0)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(10), "processes were left: " + string.Join(" ", Sleepers()));
            await Task.Yield();
        }
    }

    private static List<string> Sleepers() => [.. Directory.EnumerateDirectories("/proc").Where(folder => int.TryParse(Path.GetFileName(folder), out _)).Where(folder =>
    {
        try
        {
            return File.ReadAllText($"{folder}/cmdline") is "sleep\04321\0" or "sleep\04322\0";
        }
        catch (IOException)
        {
            return false;
        }
    })];

    [Fact]
    public async Task Exec_ProgramMissing_IsAnInternalError()
    {
        var (node, kubelet) = await StartAsync();
        await using var _ = node;
        await using var __ = kubelet;
        foreach (var tty in (string[])["", "&tty=1"])
        {
            var (_, _, result) = await kubelet.ExecAsync("/exec/default/a/main?command=nosuch&output=1" + tty);
            Assert.Equal("InternalError", result!.Reason);
            Assert.Contains("\"nosuch\": executable file not found in $PATH", result.Message);
        }
    }

    [Fact]
    public async Task Logs_TailTimestampsAndLimit()
    {
        var (node, kubelet) = await StartAsync("for i in 1 2 3 4 5; do echo line $i; done; echo done >&2; exec sleep 1000");
        await using var _ = node;
        await using var __ = kubelet;
        const string Path = "/containerLogs/default/a/main";
        var began = TimeProvider.System.GetTimestamp();
        while (!(await kubelet.Http.GetStringAsync(Path)).Contains("done")) Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(5));
        Assert.Equal("line 1\nline 2\nline 3\nline 4\nline 5\ndone\n", await kubelet.Http.GetStringAsync(Path));
        Assert.Equal("line 5\ndone\n", await kubelet.Http.GetStringAsync(Path + "?tailLines=2"));
        Assert.Equal("", await kubelet.Http.GetStringAsync(Path + "?tailLines=0"));
        Assert.Equal("line", await kubelet.Http.GetStringAsync(Path + "?limitBytes=4"));
        Assert.Equal("", await kubelet.Http.GetStringAsync(Path + "?sinceTime=2100-01-01T00:00:00Z"));
        Assert.Matches("^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{9}Z done\\n$", await kubelet.Http.GetStringAsync(Path + "?tailLines=1&timestamps=true"));
        var previous = await kubelet.Http.GetAsync(Path + "?previous=true");
        Assert.Equal(HttpStatusCode.BadRequest, previous.StatusCode);
        Assert.Equal("previous terminated container \"main\" in pod \"a\" not found", await previous.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Logs_Follow_EndsWithTheContainer()
    {
        var (node, kubelet) = await StartAsync("echo first; read x < /proc/1/fd/0; sleep 0.3; echo second; sleep 0.3; echo last");
        await using var _ = node;
        await using var __ = kubelet;
        var text = await kubelet.Http.GetStringAsync("/containerLogs/default/a/main?follow=true").WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal("first\nsecond\nlast\n", text);
    }

    [Fact]
    public async Task Exec_NoSuchContainer_RefusalHasALength()
    {
        var (node, kubelet) = await StartAsync();
        await using var _ = node;
        await using var __ = kubelet;
        var refusal = await kubelet.Http.GetAsync("/exec/default/a/other?command=true&output=1", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.NotFound, refusal.StatusCode);
        Assert.Equal("container not found (\"other\")".Length, refusal.Content.Headers.ContentLength);
    }

    [Fact]
    public async Task Client_WithoutTrustedCertificate_IsRefused()
    {
        var (node, kubelet) = await StartAsync();
        await using var _ = node;
        await using var __ = kubelet;
        using var nobody = new HttpClient(KubeletClient.Handler(null));
        Assert.Equal(HttpStatusCode.Unauthorized, (await nobody.GetAsync($"https://localhost:{kubelet.Port}/pods")).StatusCode);
        using var foreign = KubeletClient.Authority();
        using var stranger = new HttpClient(KubeletClient.Handler(KubeletClient.Issue(foreign, "apiserver", "1.3.6.1.5.5.7.3.2")));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => stranger.GetAsync($"https://localhost:{kubelet.Port}/pods"));
        using var neighbour = new HttpClient(KubeletClient.Handler(kubelet.NodesOwn));
        Assert.Equal(HttpStatusCode.Forbidden, (await neighbour.GetAsync($"https://localhost:{kubelet.Port}/pods")).StatusCode);
        Assert.Equal("ok", await kubelet.Http.GetStringAsync("/healthz"));
        Assert.Contains("\"PodList\"", await kubelet.Http.GetStringAsync("/pods"));
    }

    [Theory]
    [InlineData("scraper's", "/metrics/resource", HttpStatusCode.OK)]
    [InlineData("scraper's", "/metrics", HttpStatusCode.OK)]
    [InlineData("scraper's", "/stats/summary", HttpStatusCode.Forbidden)]
    [InlineData("scraper's", "/pods", HttpStatusCode.Forbidden)]
    [InlineData("scraper's", "/exec/default/a/main?command=id&output=1", HttpStatusCode.Forbidden)]
    [InlineData("another's", "/metrics", HttpStatusCode.Unauthorized)]
    public async Task Token_GetsWhatItsOwnerMayHaveOfTheNode(string token, string path, HttpStatusCode code)
    {
        var (node, kubelet) = await StartAsync();
        await using var _ = node;
        await using var __ = kubelet;
        using var client = new HttpClient(KubeletClient.Handler(null));
        client.DefaultRequestHeaders.Add("Authorization", $"Bearer {token}");
        Assert.Equal(code, (await client.GetAsync($"https://localhost:{kubelet.Port}{path}")).StatusCode);
    }

    [Theory]
    [InlineData("GET", "/metrics/cadvisor", "get metrics")]
    [InlineData("GET", "/stats/summary", "get stats")]
    [InlineData("GET", "/logs/pods/", "get log")]
    [InlineData("GET", "/pods", "get pods,proxy")]
    [InlineData("GET", "/healthz", "get healthz,proxy")]
    [InlineData("GET", "/containerLogs/a/b/c", "get proxy")]
    [InlineData("POST", "/run/a/b/c", "create proxy")]
    // Over WebSocket these are GET, and yet run programs.
    [InlineData("GET", "/exec/a/b/c", "create proxy")]
    [InlineData("GET", "/portForward/a/b", "create proxy")]
    [InlineData("GET", "//exec/a/b/c", "create proxy")]
    public void Path_StandsForASubresourceOfTheNode(string method, string path, string asked)
    {
        var request = new DefaultHttpContext { Request = { Method = method, Path = path } }.Request;
        var (verb, subresources) = KubeletAccess.Asked(request);
        Assert.Equal(asked, $"{verb} {string.Join(',', subresources)}");
    }
}
