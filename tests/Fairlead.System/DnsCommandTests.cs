using System.Text.Json.Nodes;
using Xunit;

namespace Fairlead.System;

/// <summary>`fairlead dns` in place of CoreDNS: Corefiles, pods' search lists, an API server that goes away.</summary>
public sealed class DnsCommandTests(Cluster cluster) : IDisposable
{
    private const string Corefile = """
        .:53 {
            errors
            log . {
               class denial
            }
            health {
               lameduck 0s
            }
            ready
            autopath @kubernetes
            kubernetes cluster.local in-addr.arpa ip6.arpa {
               pods verified
               fallthrough in-addr.arpa ip6.arpa
               ttl 30
            }
            hosts NodeHosts {
               ttl 60
               reload 1s
               fallthrough
            }
            prometheus :9153
            import custom/*.override
            forward . 127.0.0.9:53
            cache 30 {
               disable success cluster.local
               disable denial cluster.local
            }
            loop
            reload 2s
            loadbalance
        }
        consul.local {
            hosts {
                10.1.2.3 web.service.consul.local
            }
        }
        import custom/*.server
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-dns-").FullName;

    private string File => Path.Combine(_folder, "Corefile");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Corefile_AsClustersShipIt_IsFollowedAndReadAnew()
    {
        await global::System.IO.File.WriteAllTextAsync(File, Corefile);
        await global::System.IO.File.WriteAllTextAsync(Path.Combine(_folder, "NodeHosts"), "192.0.2.44 node1.internal\n");
        await using var dns = new DnsProcess("127.13.7.1", null, "--kubeconfig", cluster.Kubeconfig, "--config", File);
        await dns.UntilReadyAsync();

        Assert.Contains("kubernetes.default.svc.cluster.local. 30 IN A 10.96.0.1", await AnswerAsync(dns), StringComparison.Ordinal);
        Assert.Equal(["kubernetes.default.svc.cluster.local."], await dns.ShortAsync("-x", "10.96.0.1"));
        Assert.Equal(["192.0.2.44"], await dns.ShortAsync("node1.internal"));
        Assert.Equal(["10.1.2.3"], await dns.ShortAsync("web.service.consul.local"));
        Assert.Contains("status: NXDOMAIN", (await dns.DigAsync("10-9-9-9.default.pod.cluster.local")).Output, StringComparison.Ordinal);
        await Until.AsyncHolds(() => Task.FromResult(dns.Log.ToList()), lines => lines.Any(line => line.Contains("\"A IN 10-9-9-9.default.pod.cluster.local. udp ", StringComparison.Ordinal) && line.Contains("NXDOMAIN qr,aa,rd,ra", StringComparison.Ordinal)), "the question in the log");
        Assert.DoesNotContain(dns.Log, line => line.Contains("node1.internal", StringComparison.Ordinal));

        await global::System.IO.File.AppendAllTextAsync(Path.Combine(_folder, "NodeHosts"), "192.0.2.45 node2.internal\n");
        await Until.AsyncHolds(() => dns.ShortAsync("node2.internal"), found => found is ["192.0.2.45"], "the new line of the hosts file");
        await global::System.IO.File.WriteAllTextAsync(File, Corefile.Replace("ttl 30", "ttl soon", StringComparison.Ordinal));
        await Until.AsyncHolds(() => Task.FromResult(dns.Log.ToList()), lines => lines.Any(line => line.Contains("Corefile:14: ttl soon: a number of seconds is expected", StringComparison.Ordinal)), "the refusal of the wrong file");
        Assert.Equal(["10.96.0.1"], await dns.ShortAsync("kubernetes.default.svc.cluster.local"));
        await global::System.IO.File.WriteAllTextAsync(File, Corefile.Replace("ttl 30", "ttl 7", StringComparison.Ordinal));
        await Until.AsyncHolds(() => AnswerAsync(dns), found => found.Contains(" 7 IN A ", StringComparison.Ordinal), "the new TTL");
    }

    /// <summary>dig sets columns by tabs or blanks, as they come out.</summary>
    private static async Task<string> AnswerAsync(DnsProcess dns) =>
        (await dns.DigAsync("+noall", "+answer", "kubernetes.default.svc.cluster.local")).Output.Replace('\t', ' ');

    [Fact]
    public async Task Corefile_WithWhatIsNotKnown_IsRefusedWithItsLine()
    {
        await global::System.IO.File.WriteAllTextAsync(File, ".:53 {\n    kubernetes cluster.local\n    rewrite name a b\n}\n");

        var result = await Command.TryAsync(Command.Fairlead, ["dns", "--kubeconfig", cluster.Kubeconfig, "--config", File]);

        Assert.Equal(1, result.Code);
        Assert.StartsWith($"fairlead: {File}:3: the directive rewrite is not known; known are autopath", result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task Autopath_FromAPod_AnswersANameOfOthersAtOnce()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        var pod = (await kubectl.WaitForReadyAsync("kubia", 3))[0];
        var node = await kubectl.RunAsync("get", "node", "node1", "-o", "jsonpath={.status.addresses[?(@.type==\"InternalIP\")].address}");
        await global::System.IO.File.WriteAllTextAsync(File, "other.example {\n  hosts {\n    192.0.2.7 www.other.example\n  }\n}\n.:53 {\n  kubernetes cluster.local\n  autopath @kubernetes\n}\n");
        // Of the node's addresses, one that its own DNS does not answer at.
        await Command.RunAsync("nsenter", $"--net=/run/fairlead/{cluster.Name}/netns/node1", "ip", "address", "add", "198.18.53.1/32", "dev", "lo");
        await using var dns = new DnsProcess("198.18.53.1", $"/run/fairlead/{cluster.Name}/netns/node1", "--kubeconfig", cluster.Kubeconfig, "--config", File);
        await dns.UntilReadyAsync();
        Assert.NotEmpty(node);

        var name = $"www.other.example.{kubectl.Namespace}.svc.cluster.local";
        var answer = await kubectl.RunAsync("exec", pod, "--", "dig", "@198.18.53.1", "+noall", "+answer", "+tries=1", name);

        Assert.Contains($"{name}. 5 IN CNAME www.other.example.", answer.Replace('\t', ' '), StringComparison.Ordinal);
        Assert.Contains("www.other.example.", answer, StringComparison.Ordinal);
        Assert.Contains("192.0.2.7", answer, StringComparison.Ordinal);
        // A client whose namespace is not known is told the truth.
        Assert.Contains("status: NXDOMAIN", (await dns.DigAsync(name)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ClientElsewhere_GetsLittleOverUdpAndAllOverTcp()
    {
        const string Elsewhere = "203.0.113.77";
        await Command.RunAsync("ip", "address", "add", $"{Elsewhere}/32", "dev", "lo");
        try
        {
            await using var dns = new DnsProcess("127.13.7.3", null, "--kubeconfig", cluster.Kubeconfig, "--upstream", "127.0.0.9");
            await dns.UntilReadyAsync();

            Assert.Equal(["10.96.0.1"], await dns.ShortAsync("-b", Elsewhere, "kubernetes.default.svc.cluster.local"));
            // Whoever sent it may have forged the address; a handshake cannot be forged.
            var forged = (await dns.DigAsync("-b", Elsewhere, "+notcp", "+ignore", "example.org", "ANY")).Output;
            Assert.Matches("flags: qr tc rd ra; QUERY: 1, ANSWER: 0", forged);
            Assert.Matches("status: SERVFAIL", (await dns.DigAsync("-b", Elsewhere, "+tcp", "example.org", "ANY")).Output);
            Assert.Matches("status: SERVFAIL", (await dns.DigAsync("+notcp", "+ignore", "example.org", "ANY")).Output);
        }
        finally
        {
            await Command.RunAsync("ip", "address", "delete", $"{Elsewhere}/32", "dev", "lo");
        }
    }

    [Fact]
    public async Task ApiServer_Away_IsSaidByReadinessWhileNamesAreAnswered()
    {
        await using var server = new ServerProcess();
        await server.StartAsync();
        await server.SendAsync(HttpMethod.Post, "/api/v1/namespaces/default/services", JsonNode.Parse("""{ "metadata": { "name": "stays" }, "spec": { "clusterIP": "10.96.0.77", "ports": [{ "port": 80 }] } }"""));
        await using var dns = new DnsProcess("127.13.7.2", null, "--kubeconfig", server.Kubeconfig, "--upstream", "127.0.0.9", "--api-patience", "2");
        await dns.UntilReadyAsync();

        await server.KillAsync();
        await Until.AsyncHolds(dns.ReadyAsync, ready => ready.StartsWith("kubernetes: the API server has been away for ", StringComparison.Ordinal), "readiness falls");
        Assert.Equal(["10.96.0.77"], await dns.ShortAsync("stays.default.svc.cluster.local"));
        await server.StartAsync();
        await dns.UntilReadyAsync();
    }
}
