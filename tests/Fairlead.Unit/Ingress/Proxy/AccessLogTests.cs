using System.Text;
using System.Text.Json.Nodes;
using Fairlead.Ingress.Metrics;
using Xunit;

namespace Fairlead.Unit.Ingress.Proxy;

/// <summary>A line for each request, whichever path served it.</summary>
public sealed class AccessLogTests
{
    [Theory]
    [InlineData("lean.example.com")]
    [InlineData("kestrel.example.com")]
    public async Task Json_SaysWhatCameOfARequest(string host)
    {
        var lines = await LogAsync(AccessLogFormat.Json, async front =>
        {
            await front.RawAsync($"POST /a?b=\"c HTTP/1.1\r\nHost: {host}\r\nUser-Agent: curl \"x\"\r\nReferer: http://r/\r\nX-Request-ID: id7\r\nContent-Length: 4\r\n\r\nbody");
            await front.GetAsync("none.example.com", "/none");
        });

        Assert.Equal(2, lines.Length);
        // A line is written once its answer is sent: that of the next connection may come before it.
        var (line, none) = (Of("POST"), Of("GET"));
        JsonNode Of(string method) => lines.Select(text => JsonNode.Parse(text)!).Single(found => (string)found["method"]! == method);
        foreach (var (name, value) in new Dictionary<string, string>
        {
            ["method"] = "POST", ["host"] = host, ["uri"] = "/a?b=\"c", ["protocol"] = "HTTP/1.1", ["http_user_agent"] = "curl \"x\"", ["http_referrer"] = "http://r/", ["request_id"] = "id7",
            ["namespace"] = "default", ["ingress"] = host.Split('.')[0], ["service"] = "web", ["remote_user"] = "",
        })
        {
            Assert.Equal(value, (string?)line[name]);
        }
        Assert.Equal((200, 3, 4), ((int)line["status"]!, (int)line["bytes_sent"]!, (int)line["request_length"]!));
        Assert.StartsWith("127.", (string)line["remote_addr"]!, StringComparison.Ordinal);
        Assert.EndsWith(":8080", (string)line["upstream_addr"]!, StringComparison.Ordinal);
        Assert.InRange((double)line["request_time"]!, (double)line["upstream_response_time"]!, 10);
        Assert.True((double)line["upstream_response_time"]! > 0);
        Assert.True(DateTimeOffset.TryParse((string)line["time"]!, out _));
        Assert.Equal((404, "", ""), ((int)none["status"]!, (string)none["ingress"]!, (string)none["upstream_addr"]!));
    }

    [Fact]
    public async Task Combined_IsNginxs_AndNoFieldEndsALine()
    {
        var lines = await LogAsync(AccessLogFormat.Combined, front => front.GetAsync("lean.example.com", "/x", "User-Agent: a\"b\\c", "X-Request-ID: id8"));

        Assert.Matches("""^127\.\S+ - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /x HTTP/1\.1" 200 3 "-" "a\\x22b\\x5Cc" 0 \d+\.\d{3} \[default-web-80\] \[\] 127\.\S+:8080 3 \d+\.\d{3} 200 id8$""", Assert.Single(lines));
    }

    private static async Task<string[]> LogAsync(AccessLogFormat format, Func<Front, Task> requests)
    {
        var output = new MemoryStream();
        var log = new AccessLog(output, format);
        using var stop = new CancellationTokenSource();
        var writing = log.RunAsync(stop.Token);
        await using (var pod = await Pod.StartAsync("pod"))
        {
            await using var front = Front.Start(access: log);
            front.Service("web", pod).Objects.Ingress("lean", "lean.example.com", ["Prefix /"]).Ingress("kestrel", "kestrel.example.com", ["Prefix /"], ("enable-cors", "true"));
            front.Commit();
            await requests(front);
        }
        await stop.CancelAsync();
        await writing;
        return Encoding.UTF8.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
