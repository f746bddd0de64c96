using System.CommandLine;
using System.Net;
using Fairlead.Dns;
using Fairlead.Dns.Corefile;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>The flags of `fairlead dns`: settings one by one, or a Corefile that has them.</summary>
internal sealed class DnsCommandOptions
{
    private readonly Option<string?> _config = new("--config", "--conf") { Description = "A Corefile, as kubeadm and k3s ship it. What it does not know of one is an error." };
    private readonly Option<string[]> _listen = new("--listen") { Description = "ADDRESS:PORT to answer at, over UDP and TCP; several are allowed. Default: the Corefile's, 0.0.0.0:53." };
    private readonly Option<string[]> _health = new("--health-address") { Description = "ADDRESS:PORT of /health, /ready and /metrics; several are allowed. Default: the Corefile's, or none." };
    private readonly Option<int> _workers = new("--workers") { Description = "Threads that answer over UDP; 0: one a processor." };
    private readonly Option<string[]> _clients = new("--client-cidr") { Description = "Range of clients' addresses beside the private ones; others get little over UDP. Several are allowed." };
    private readonly Option<int> _patience = new("--api-patience") { Description = "Seconds that the API server may be away until /ready says so.", DefaultValueFactory = _ => 60 };
    private readonly Option<string> _domain = new("--cluster-domain") { Description = "The cluster's domain.", DefaultValueFactory = _ => "cluster.local" };
    private readonly Option<int> _ttl = new("--ttl") { Description = "Seconds for which clients may keep answers about the cluster.", DefaultValueFactory = _ => 5 };
    private readonly Option<string> _pods = new("--pods") { Description = "Names of pods that spell an address: disabled, insecure (all of them), verified (of pods that are there).", DefaultValueFactory = _ => "insecure" };
    private readonly Option<string[]> _upstreams = DnsCommand.Upstreams();
    private readonly Option<string[]> _stubs = new("--stub-domain") { Description = "DOMAIN=SERVER[,SERVER…] to ask for the names of that domain and below, as consul.local=10.1.2.3:8600; several are allowed." };
    private readonly Option<bool> _autopath = new("--autopath") { Description = "Follow the search lists of pods here, so that a name of others costs a pod one question. Pods are watched for it." };
    private readonly Option<string?> _log = new("--log") { Description = "Log a line for each question: all, or of success, denial, error those named, with commas between." };

    public DnsCommandOptions() => _pods.AcceptOnlyFromAmong("disabled", "insecure", "verified");

    public IEnumerable<Option> All => [_config, _listen, .. InCorefile, _health, _workers, _clients, _patience];

    private Option[] InCorefile => [_domain, _ttl, _pods, _upstreams, _stubs, _autopath, _log];

    public string? File(ParseResult parse) => parse.GetValue(_config);

    public CorefileSettings? Corefile(ParseResult parse)
    {
        if (File(parse) is not { } file) return null;
        if (InCorefile.FirstOrDefault(option => parse.GetResult(option) is { Implicit: false }) is { } twice)
            throw new UserException($"{twice.Name} and --config exclude each other: say it in {file}");
        return DnsPlan.Read(file);
    }

    public IReadOnlyList<IPEndPoint> Health(ParseResult parse) => Endpoints(parse, _health);

    public ClusterDnsOptions Settings(ParseResult parse, CorefileSettings? corefile)
    {
        var settings = corefile?.Options ?? FromFlags(parse);
        return settings with
        {
            Listen = Endpoints(parse, _listen) is { Count: > 0 } listen ? listen : settings.Listen,
            Workers = parse.GetValue(_workers),
            ClientNetworks = [.. (parse.GetValue(_clients) ?? []).Select(text => IPNetwork.TryParse(text, out var range) ? range : throw new UserException($"--client-cidr {text} is not a range such as 203.0.113.0/24"))],
            ApiPatience = TimeSpan.FromSeconds(parse.GetValue(_patience)),
        };
    }

    private ClusterDnsOptions FromFlags(ParseResult parse)
    {
        var block = DnsCommand.Block(parse.GetValue(_upstreams), parse.GetValue(_stubs));
        return new ClusterDnsOptions
        {
            Zone = new ZoneOptions
            {
                Domain = parse.GetValue(_domain)!,
                TimeToLive = parse.GetValue(_ttl),
                Pods = Enum.Parse<PodNames>(parse.GetValue(_pods)!, ignoreCase: true),
                FollowPods = parse.GetValue(_autopath),
            },
            Blocks = [block with { Autopath = parse.GetValue(_autopath), Log = parse.GetValue(_log) is { } classes ? [new QueryLogOptions { Classes = Classes(classes) }] : [] }],
        };
    }

    private static AnswerClasses Classes(string text) => text.Split(',').Aggregate(AnswerClasses.None, (all, word) => all | word switch
    {
        "all" => AnswerClasses.All,
        "success" => AnswerClasses.Success,
        "denial" => AnswerClasses.Denial,
        "error" => AnswerClasses.Error,
        _ => throw new UserException($"--log {word}: known are all, success, denial and error"),
    });

    private static IReadOnlyList<IPEndPoint> Endpoints(ParseResult parse, Option<string[]> option) =>
        [.. (parse.GetValue(option) ?? []).Select(text => DnsCommand.Endpoint(text, option.Name))];
}
