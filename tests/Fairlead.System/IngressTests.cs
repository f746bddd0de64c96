using Xunit;
using static Fairlead.System.IngressCalls;

namespace Fairlead.System;

/// <summary>Ingresses of a started cluster, from the host: by host and path, with TLS, with sessions.</summary>
public sealed class IngressTests(Cluster cluster)
{
    [Fact]
    public async Task MissionsIngress_ServesTheService_InPlainHttpAndThenWithTls()
    {
        await using var kubectl = await ReadyAsync();
        // As examples/kubia-nodeport, but for the number of the node port, which another test may have.
        await kubectl.RunAsync("expose", "rc", "kubia", "--name=kubia-nodeport", "--type=NodePort", "--port=80", "--target-port=8080");
        await kubectl.RunAsync("apply", "-f", "examples/kubia-ingress/");
        var address = await AddressAsync(kubectl, "kubia");
        const string host = "kubia.example.com";

        await Until.AsyncHolds(() => CurlAsync(address, $"http://{host}/"), answer => answer.Output.StartsWith("You've hit kubia-", StringComparison.Ordinal), "the first answer");
        Assert.Equal("NAME CLASS HOSTS ADDRESS PORTS AGE", (await TableAsync(kubectl))[0]);
        Assert.Matches($"^kubia fairlead {host} {address} 80 [0-9]+m?s", (await TableAsync(kubectl))[1]);
        Assert.StartsWith("You've hit kubia-", await ByHostsFileAsync($"{address} {host}", $"http://{host}/"), StringComparison.Ordinal);
        Assert.Equal("404", await StatusAsync(address, "http://other.example.com/"));

        await CreateSecretAsync(kubectl, host);
        await kubectl.RunAsync("apply", "-f", "examples/kubia-ingress-tls/");
        await Until.AsyncHolds(() => StatusAsync(address, $"http://{host}/"), status => status == "308", "the redirect");
        Assert.Equal($"https://{host}/a?b=c", (await CurlAsync(address, $"http://{host}/a?b=c", "-o", "/dev/null", "-w", "%{redirect_url}")).Output);
        var secure = await Until.AsyncHolds(() => CurlAsync(address, $"https://{host}/", "-v"), answer => answer.Error.Contains($"CN={host}", StringComparison.Ordinal), "the Secret's certificate");
        Assert.StartsWith("You've hit kubia-", secure.Output, StringComparison.Ordinal);
        Assert.StartsWith($"kubia fairlead {host} {address} 80, 443 ", (await TableAsync(kubectl))[1], StringComparison.Ordinal);
        Assert.Equal("2", (await CurlAsync(address, $"https://{host}/", "-o", "/dev/null", "-w", "%{http_version}")).Output);
        Assert.NotEqual(0, (await CurlAsync(address, $"https://{host}/", "--tls-max", "1.1")).Code);

        await kubectl.RunAsync("delete", "ingress", "kubia");
        await Until.AsyncHolds(() => StatusAsync(address, $"http://{host}/"), status => status == "404", "the route is gone");
    }

    [Fact]
    public async Task Paths_AndSessions_AsTheExampleSays()
    {
        await using var kubectl = await ReadyAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia-ingress-paths/");
        var address = await AddressAsync(kubectl, "kubia-paths");
        await AddressAsync(kubectl, "kubia-sessions");

        await Until.AsyncHolds(() => StatusAsync(address, "http://paths.example.com/kubia/x"), status => status == "200", "the path");
        Assert.Equal("404", await StatusAsync(address, "http://paths.example.com/kubiax"));
        Assert.Equal("503", await StatusAsync(address, "http://paths.example.com/nobody"));

        var jar = Path.GetTempFileName();
        var first = (await CurlAsync(address, "http://sessions.example.com/hostname", "-c", jar)).Output;
        for (var i = 0; i < 10; i++) Assert.Equal(first, (await CurlAsync(address, "http://sessions.example.com/hostname", "-b", jar)).Output);
        var others = new HashSet<string>();
        for (var i = 0; i < 6; i++) others.Add((await CurlAsync(address, "http://sessions.example.com/hostname")).Output);
        Assert.Equal(3, others.Count);
        File.Delete(jar);
    }

    [Fact]
    public async Task UnknownAnnotation_IsAnEvent_AndHarmsNobody()
    {
        await using var kubectl = await ReadyAsync();
        var host = $"{kubectl.Namespace}.example.com";
        await kubectl.ApplyAsync(Manifest("odd", host, "/", "nginx.ingress.kubernetes.io/configuration-snippet: \"more_set_headers x;\", nginx.ingress.kubernetes.io/no-such: \"1\""));
        await kubectl.ApplyAsync(Manifest("second", host, "/", ""));
        var address = await AddressAsync(kubectl, "odd");

        var events = await Until.AsyncHolds(() => kubectl.RunAsync("get", "events", "-o", "jsonpath={range .items[?(@.source.component==\"fairlead-ingress\")]}{.involvedObject.name} {.reason} {.message}{\"\\n\"}{end}"),
            text => text.Split('\n').Length == 3, "three events");
        Assert.Contains("odd InvalidAnnotation nginx.ingress.kubernetes.io/configuration-snippet: snippets", events, StringComparison.Ordinal);
        Assert.Contains("odd UnknownAnnotation nginx.ingress.kubernetes.io/no-such", events, StringComparison.Ordinal);
        Assert.Contains("second PathConflict", events, StringComparison.Ordinal);
        Assert.Equal("200", await StatusAsync(address, $"http://{host}/"));
    }

    [Fact]
    public async Task EndpointChurn_LosesNoRequest_OnOneConnection()
    {
        await using var kubectl = await ReadyAsync();
        var host = $"{kubectl.Namespace}.example.com";
        await kubectl.ApplyAsync(Manifest("churn", host, "/", ""));
        var address = await AddressAsync(kubectl, "churn");
        await Until.AsyncHolds(() => StatusAsync(address, $"http://{host}/"), status => status == "200", "the first answer");

        // One curl, one connection, a request after the other, while pods come and go.
        var config = Path.GetTempFileName();
        await File.WriteAllLinesAsync(config, Enumerable.Range(0, 600).SelectMany(_ => new[] { $"url = \"http://{host}/hostname\"", "output = \"/dev/null\"" }));
        var load = Command.TryAsync("curl", ["-s", "-K", config, "--resolve", $"{host}:80:{address}", "--rate", "100/s", "-w", "%{http_code} %{num_connects}\\n", "--max-time", "30"]);
        await kubectl.RunAsync("scale", "rc", "kubia", "--replicas=5");
        await kubectl.WaitForEndpointsAsync("kubia", 5);
        await kubectl.RunAsync("scale", "rc", "kubia", "--replicas=1");
        await kubectl.WaitForEndpointsAsync("kubia", 1);
        await kubectl.RunAsync("scale", "rc", "kubia", "--replicas=3");
        await kubectl.WaitForEndpointsAsync("kubia", 3);

        var answers = (await load).Lines.GroupBy(line => line).ToDictionary(group => group.Key, group => group.Count());
        Assert.Equal(new Dictionary<string, int> { ["200 1"] = 1, ["200 0"] = 599 }, answers);
        File.Delete(config);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nginx.ingress.kubernetes.io/enable-cors: \"true\"")]
    public async Task ExternalName_IsResolvedByTheClustersDns_AndARequestArrives(string annotations)
    {
        await using var kubectl = await ReadyAsync();
        var host = $"{kubectl.Namespace}.example.com";
        await kubectl.ApplyAsync($"{{ apiVersion: v1, kind: Service, metadata: {{ name: elsewhere }}, spec: {{ type: ExternalName, externalName: kubia.{kubectl.Namespace}.svc.cluster.local }} }}");
        await kubectl.ApplyAsync(Manifest("elsewhere", host, "/", annotations).Replace("name: kubia,", "name: elsewhere,", StringComparison.Ordinal));
        var address = await AddressAsync(kubectl, "elsewhere");

        await ServesAsync(address, $"http://{host}/");

        Assert.StartsWith("You've hit kubia-", (await CurlAsync(address, $"http://{host}/")).Output, StringComparison.Ordinal);
        await kubectl.RunAsync("patch", "service", "elsewhere", "--type=merge", "-p", "{\"spec\":{\"externalName\":\"nowhere.invalid\"}}");
        await Until.AsyncHolds(() => StatusAsync(address, $"http://{host}/"), status => status == "502", "a name that nobody has");
    }

    /// <summary>Lines with one space between words.</summary>
    private static async Task<string[]> TableAsync(Kubectl kubectl) =>
        [.. (await kubectl.RunAsync("get", "ingresses")).Split('\n').Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries)))];

    /// <summary>curl of a machine that has one more line in /etc/hosts: this one, in a mount namespace of its own.</summary>
    private static async Task<string> ByHostsFileAsync(string line, string url)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, await File.ReadAllTextAsync("/etc/hosts") + $"\n{line}\n");
        var answer = await Command.RunAsync("unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec curl -s --max-time 10 \"$1\"", file, url);
        File.Delete(file);
        return answer.Output;
    }

    private async Task<Kubectl> ReadyAsync()
    {
        var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        await kubectl.WaitForServingAsync("kubia", 3);
        await kubectl.WaitForEndpointsAsync("kubia", 3);
        return kubectl;
    }

    private static string Manifest(string name, string host, string path, string annotations) => $$"""
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata: { name: {{name}}, annotations: { {{annotations}} } }
        spec: { rules: [ { host: {{host}}, http: { paths: [ { path: {{path}}, pathType: Prefix, backend: { service: { name: kubia, port: { number: 80 } } } } ] } } ] }
        """;

    private static async Task CreateSecretAsync(Kubectl kubectl, string host)
    {
        var folder = Directory.CreateTempSubdirectory("fairlead-tls-").FullName;
        await Command.RunAsync("openssl", "req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", $"{folder}/tls.key", "-out", $"{folder}/tls.cert", "-days", "360", "-subj", $"/CN={host}");
        await kubectl.RunAsync("create", "secret", "tls", "tls-secret", $"--cert={folder}/tls.cert", $"--key={folder}/tls.key");
        Directory.Delete(folder, recursive: true);
    }
}
