using Fairlead.Dns;
using Fairlead.Dns.Corefile;
using Fairlead.Dns.Forward;
using Fairlead.Kube;
using Fairlead.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.Dns.Corefile;

public sealed class CorefileTests : IDisposable
{
    /// <summary>As k3s writes it.</summary>
    private const string K3s = """
        .:53 {
            errors
            health
            ready
            kubernetes cluster.local in-addr.arpa ip6.arpa {
              pods insecure
              fallthrough in-addr.arpa ip6.arpa
            }
            hosts /etc/coredns/NodeHosts {
              ttl 60
              reload 15s
              fallthrough
            }
            prometheus :9153
            cache 30
            loop
            reload
            import custom/*.override
            forward . /etc/resolv.conf
            loadbalance
        }
        import custom/*.server
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-corefile").FullName;

    private string File => Path.Combine(_folder, "Corefile");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Read_KubeadmsFile_IsUnderstood()
    {
        CorefileSettings settings = Read(KubeadmCorefile.Text);
        ClusterDnsOptions options = settings.Options;

        Assert.Equal(["0.0.0.0:53"], options.Listen.Select(address => address.ToString()));
        Assert.Equal(["0.0.0.0:8080", "0.0.0.0:8181", "0.0.0.0:9153"], settings.Status.Select(address => address.ToString()));
        Assert.Equal(new ZoneOptions { TimeToLive = 30 }, options.Zone);
        Assert.Equal(TimeSpan.FromSeconds(5), options.Lameduck);
        Assert.Equal(TimeSpan.FromSeconds(30), settings.Reload);
        ServerBlockOptions block = Assert.Single(options.Blocks);
        Assert.True(block.HasZone);
        Assert.Equal(TimeSpan.FromSeconds(30), block.Cache.Longest);
        Assert.Equal(["cluster.local"], block.Cache.NeverNegative);
        ForwardRule rule = Assert.Single(block.Forward);
        Assert.Equal((".", "/etc/resolv.conf", 1000), (rule.Domain, Assert.Single(rule.ResolverFiles), rule.Concurrency));
    }

    [Fact]
    public void Read_K3sFile_IsUnderstoodWithAndWithoutWhatItImports()
    {
        ServerBlockOptions block = Assert.Single(Read(K3s).Options.Blocks);
        Assert.Equal(("/etc/coredns/NodeHosts", 60, TimeSpan.FromSeconds(15)), (block.Hosts!.File, block.Hosts.TimeToLive, block.Hosts.Reload));
        Assert.Equal(["."], block.Hosts.Fallthrough);

        Directory.CreateDirectory(Path.Combine(_folder, "custom"));
        global::System.IO.File.WriteAllText(Path.Combine(_folder, "custom", "a.override"), "log");
        global::System.IO.File.WriteAllText(Path.Combine(_folder, "custom", "b.server"), "consul.local:53 {\n  forward . 10.1.2.3:8600\n  cache 5\n}\n");
        IReadOnlyList<ServerBlockOptions> blocks = Read(K3s).Options.Blocks;

        Assert.Equal([".", "consul.local"], blocks.Select(each => each.Domain));
        Assert.Single(blocks[0].Log);
        Assert.False(blocks[1].HasZone);
        Assert.Equal("10.1.2.3:8600", blocks[1].Forward[0].Servers[0].ToString());
    }

    [Fact]
    public void Read_EverySetting_HasItsPlace()
    {
        CorefileSettings settings = Read("""
            # all that is known
            .:5353 {
                bind 10.0.0.1 fd00::1
                log . {
                    class denial error
                }
                kubernetes k8s.example {
                    pods verified
                    fallthrough
                }
                autopath @kubernetes
                hosts {
                    10.0.0.9 db.example db  # a comment
                    no_reverse
                    fallthrough example
                }
                forward example.org tls://1.1.1.1 tls://1.0.0.1%other {
                    except a.example.org b.example.org
                    tls_servername one.one.one.one
                    policy sequential
                    max_fails 3
                    health_check 1s
                    expire 20s
                    force_tcp
                }
                forward . dns://10.0.0.53
                cache {
                    success 5000 60 3
                    denial 1000 10
                    prefetch 5 1m 20%
                    serve_stale 2h verify
                    servfail 2s
                }
                reload 10s 5s
            }
            """);
        ClusterDnsOptions options = settings.Options;
        ServerBlockOptions block = options.Blocks[0];

        Assert.Equal(["10.0.0.1:5353", "[fd00::1]:5353"], options.Listen.Select(address => address.ToString()));
        Assert.Equal(
            new ZoneOptions { Domain = "k8s.example", Reverse = default, Fallthrough = new(["."]), Pods = PodNames.Verified, FollowPods = true }, options.Zone);
        Assert.Equal(AnswerClasses.Denial | AnswerClasses.Error, Assert.Single(block.Log).Classes);
        Assert.True(block.Autopath);
        Assert.Equal(["10.0.0.9 db.example db"], block.Hosts!.Lines);
        Assert.True(block.Hosts.NoReverse);
        Assert.Null(block.Hosts.File);
        ForwardRule rule = block.Forward[0];
        Assert.Equal(["one.one.one.one", "other"], rule.Servers.Select(server => server.TlsServerName));
        Assert.Equal((UpstreamPolicy.Sequential, 3, 1.0, 20.0, true), (rule.Policy, rule.FailuresUntilDown, rule.ProbeInterval.TotalSeconds, rule.ConnectionIdle.TotalSeconds, rule.AlwaysTcp));
        Assert.Equal(["a.example.org", "b.example.org"], rule.Except);
        Assert.Equal("10.0.0.53:53", block.Forward[1].Servers[0].ToString());
        CacheOptions cache = block.Cache;
        Assert.Equal((5000, 60.0, 3.0, 10.0, 2.0), (cache.Capacity, cache.Longest.TotalSeconds, cache.Least.TotalSeconds, cache.LongestNegative.TotalSeconds, cache.LongestFailure.TotalSeconds));
        Assert.Equal((5, 20, StalePolicy.WhenNobodyAnswers, 2.0), (cache.PrefetchHits, cache.PrefetchPercentage, cache.Stale, cache.LongestStale.TotalHours));
    }

    [Theory]
    [InlineData(". {\n kubernetes cluster.local\n rewrite name a b\n}", "3: the directive rewrite is not known; known are autopath,")]
    [InlineData(". {\n kubernetes cluster.local {\n  endpoint_pod_names\n }\n}", "3: kubernetes has no setting endpoint_pod_names")]
    [InlineData(". {\n kubernetes cluster.local {\n  ttl soon\n }\n}", "3: ttl soon: a number of seconds is expected")]
    [InlineData(". {\n kubernetes cluster.local\n forward . resolver.example\n}", "3: resolver.example is not a server")]
    [InlineData(". {\n kubernetes cluster.local\n forward .\n}", "3: forward takes a domain and servers")]
    [InlineData(". {\n kubernetes cluster.local\n cache 30\n cache 60\n}", "4: cache stands twice in a server block")]
    [InlineData(". {\n kubernetes cluster.local\n health nowhere\n}", "3: nowhere is not an address and port")]
    [InlineData(". {\n kubernetes cluster.local\n", "1: the server block is not closed")]
    [InlineData("}\n", "1: a brace closes that was not opened")]
    [InlineData(". {\n health { lameduck 5s }\n kubernetes cluster.local\n}", "2: a brace opens at the end of a line")]
    [InlineData(". {\n kubernetes cluster.local\n}\n.:53 {\n forward . 10.0.0.1\n}", "4: . has a server block already in line 1")]
    [InlineData(". {\n kubernetes cluster.local\n}\nconsul.local:5353 {\n forward . 10.0.0.1\n}", "4: all server blocks must have the same port")]
    [InlineData(". {\n import missing.conf\n kubernetes cluster.local\n}", "2: Could not find")]
    [InlineData(". {\n log \"never ends\n kubernetes cluster.local\n}", "2: a quote is not closed")]
    [InlineData(". {\n forward . 10.0.0.1\n}", " no server block has the directive kubernetes")]
    [InlineData(". {\n kubernetes a.example b.example\n}", "2: kubernetes takes one domain")]
    [InlineData(". {\n kubernetes cluster.local\n reload 1s\n}", "3: reload takes at least 2s")]
    public void Read_WhatIsNotKnown_IsAnErrorWithItsLine(string text, string expected)
    {
        global::System.IO.File.WriteAllText(File, text);

        Assert.Null(CorefileSettings.Read(File, out IReadOnlyList<string> errors));

        Assert.StartsWith($"{File}:{expected}", errors[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("5s", 5.0)]
    [InlineData("1m30s", 90.0)]
    [InlineData("250ms", 0.25)]
    [InlineData("30", 30.0)]
    [InlineData("1x", null)]
    [InlineData("s", null)]
    public void Duration_Text_IsATime(string text, double? seconds) => Assert.Equal(seconds, CorefileValues.Duration(text)?.TotalSeconds);

    [Fact]
    public async Task RunAsync_FileChanges_TakesAGoodOneAndRefusesABadOne()
    {
        var time = new FakeTimeProvider();
        var applied = new List<int>();
        CorefileSettings first = Read(KubeadmCorefile.Text);
        using var stop = new CancellationTokenSource();
        var reload = new CorefileReload(File, first, settings => settings.Options, (options, _) =>
        {
            applied.Add(options.Zone.TimeToLive);
            return Task.CompletedTask;
        }, NullLoggerFactory.Instance, time);
        Task running = reload.RunAsync(stop.Token);

        await ChangeAsync(KubeadmCorefile.Text.Replace("ttl 30", "ttl soon", StringComparison.Ordinal));
        Assert.Empty(applied);
        await ChangeAsync(KubeadmCorefile.Text.Replace("ttl 30", "ttl 7", StringComparison.Ordinal));
        await ChangeAsync(KubeadmCorefile.Text.Replace("ttl 30", "ttl 7", StringComparison.Ordinal) + "# a comment");
        await ChangeAsync(KubeadmCorefile.Text.Replace(".:53", ".:54", StringComparison.Ordinal));
        Assert.Equal([7], applied);
        await stop.CancelAsync();
        await running;

        async Task ChangeAsync(string text)
        {
            global::System.IO.File.WriteAllText(File, text);
            time.Advance(TimeSpan.FromSeconds(30));
            await Task.Yield();
        }
    }

    private CorefileSettings Read(string text)
    {
        global::System.IO.File.WriteAllText(File, text);
        CorefileSettings? settings = CorefileSettings.Read(File, out IReadOnlyList<string> errors);
        Assert.Empty(errors);
        return settings!;
    }
}
