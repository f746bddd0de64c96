using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace Fairlead.System;

/// <summary>
/// `fairlead ingress` with an API server and pods that know nothing of it, in addresses of its own. Shared by the tests of a class, each with hosts of its own.
/// Service web is all the pods; one, two and three are a pod each.
/// </summary>
public class IngressStand : IAsyncLifetime
{
    /// <summary>A load balancer in front, of whom a PROXY header is taken.</summary>
    public const string Balancer = "127.0.0.2";

    private const string Client = "127.0.0.1";
    private static int s_count;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fairlead-ingress-");
    private readonly List<string> _addresses = [];
    private readonly ServerProcess _server = new();
    private readonly string[] _options;

    // No endpoint may have an address of the loopback network; these are for tests of devices (RFC 2544), and nobody's.
    private string _network = "";
    private readonly List<EchoingPod> _pods = [];
    private Process? _ingress;

    public IngressStand() : this("--access-log-format", "json")
    {
    }

    /// <param name="options">Of the ingress, beside where it listens and logs.</param>
    protected IngressStand(params string[] options) => _options = options;

    /// <summary>Where the ingress listens, at ports 80, 443 and 10254.</summary>
    public string Address => $"{_network}.1";

    /// <summary>For files of the tests.</summary>
    public string Folder => _folder.FullName;

    public string LogFile => $"{Folder}/access.log";

    public Kubectl Kubectl { get; private set; } = new("", "default");

    internal IReadOnlyList<EchoingPod> Pods => _pods;

    internal int ProcessId => _ingress!.Id;

    public async ValueTask InitializeAsync()
    {
        await TakeNetworkAsync();
        foreach (var number in (int[])[11, 12, 13]) _pods.Add(await PodAsync(number));
        await _server.StartAsync("--service-cluster-ip-range", $"{_network}.128/25");
        Kubectl = new Kubectl(_server.Kubeconfig, "default");
        string[] names = ["one", "two", "three"];
        await Kubectl.ApplyAsync(string.Join("\n---\n", [ServiceOf("web", Ready(_pods)), .. names.Select((name, at) => ServiceOf(name, Ready(_pods[at])))]));
        await StartAsync();
        await PrepareAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        foreach (var pod in _pods) pod.Dispose();
        foreach (var address in _addresses) await Command.RunAsync("ip", "address", "delete", $"{address}/32", "dev", "lo");
        await _server.DisposeAsync();
        _folder.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>What all tests of the class need, made once.</summary>
    protected virtual Task PrepareAsync() => Task.CompletedTask;

    public async Task StartAsync()
    {
        _ingress = Command.Start(Command.Fairlead,
        [
            "ingress", "--kubeconfig", _server.Kubeconfig, "--bind-address", Address, "--http-port", "80", "--https-port", "443", "--healthz-port", "10254",
            "--use-proxy-protocol", $"{Balancer}/32", "--access-log", LogFile, .. _options,
        ]);
        _ingress.BeginErrorReadLine();
        _ingress.BeginOutputReadLine();
        await Until.AsyncHolds(() => Command.TryAsync("curl", ["-s", $"http://{Address}:10254/healthz"]), answer => answer.Output == "ok", "the ingress is healthy");
    }

    public async Task StopAsync()
    {
        if (_ingress is null) return;
        _ingress.Kill();
        await _ingress.WaitForExitAsync();
        _ingress.Dispose();
        _ingress = null;
    }

    /// <summary>Takes an address of the network.</summary>
    internal async Task<string> OwnAsync(int number)
    {
        await OwnAsync($"{_network}.{number}");
        return $"{_network}.{number}";
    }

    /// <summary>Takes an address wherever it is.</summary>
    internal async Task OwnAsync(string address)
    {
        await Command.RunAsync("ip", "address", "add", $"{address}/32", "dev", "lo");
        _addresses.Add(address);
    }

    internal async Task<EchoingPod> PodAsync(int number) => new(await OwnAsync(number));

    internal static string Ready(params IEnumerable<EchoingPod> pods) => string.Join(", ", pods.Select(pod => Endpoint(pod.Address, "ready: true")));

    internal static string Endpoint(string address, string conditions) => $"{{ addresses: [{address}], conditions: {{ {conditions} }}, targetRef: {{ kind: Pod, name: pod-{address.Replace('.', '-')} }} }}";

    /// <summary>A Service at port 80, and its slice.</summary>
    /// <param name="more">Of the Service's spec.</param>
    internal static string ServiceOf(string name, string endpoints, int port = EchoingPod.Port, string more = "") => $$"""
        apiVersion: v1
        kind: Service
        metadata: { name: {{name}} }
        spec: { ports: [ { name: http, port: 80 } ]{{(more.Length > 0 ? $", {more}" : "")}} }
        ---
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata: { name: {{name}}-1, labels: { kubernetes.io/service-name: {{name}} } }
        addressType: IPv4
        ports: [ { name: http, port: {{port}}, protocol: TCP } ]
        endpoints: [ {{endpoints}} ]
        """;

    /// <summary>An Ingress of the old annotation, with others of ingress-nginx, as YAML within braces and without their prefix.</summary>
    internal static string IngressOf(string name, string host, string annotations = "", string path = "/", string kind = "Prefix", string service = "web", string tls = "") => $$"""
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata:
          name: {{name}}
          annotations:
            kubernetes.io/ingress.class: fairlead
        {{string.Concat(annotations.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(line => $"    nginx.ingress.kubernetes.io/{line}\n"))}}
        spec:
          tls: [ {{tls}} ]
          rules: [ { host: "{{host}}", http: { paths: [ { path: '{{path}}', pathType: {{kind}}, backend: { service: { name: {{service}}, port: { number: 80 } } } } ] } } ]
        """;

    internal Task ApplyAsync(params IEnumerable<string> manifests) => Kubectl.ApplyAsync(string.Join("\n---\n", manifests));

    /// <summary>Applies an Ingress, and waits until its host is served.</summary>
    internal async Task ServeAsync(string host, string annotations = "", string path = "/", string kind = "Prefix", string service = "web")
    {
        await ApplyAsync(IngressOf(host.Split('.')[0], host, annotations, path, kind, service));
        await IsServedAsync(host);
    }

    internal Task IsServedAsync(string host, string path = "/") => Until.AsyncHolds(() => StatusAsync($"http://{host}{path}"), status => status != "404", $"{host} is served");

    /// <summary>The answer's head and body, by curl. The URL and its options are words of one text.</summary>
    internal async Task<string> AskAsync(string url, params string[] more) => (await CurlAsync(url, ["-i", .. more])).Output.Replace("\r", "", StringComparison.Ordinal);

    internal Task<CommandResult> CurlAsync(string url, params string[] more) =>
        IngressCalls.CurlAsync(Address, url, ["--interface", Client, "--max-time", "30", "--path-as-is", .. more]);

    internal async Task<string> StatusAsync(string url, params string[] more) => (await CurlAsync(url, ["-o", "/dev/null", "-w", "%{http_code}", .. more])).Output;

    /// <summary>Which pod answers, by its address.</summary>
    internal async Task<string> PodOfAsync(string url, params string[] more) => (await CurlAsync(url, more)).Output.Split('\n')[0];

    /// <summary>Which pod answers each of several requests, that one curl asks on one connection.</summary>
    internal async Task<IReadOnlyList<string>> PodsOfAsync(int count, Func<int, string> url, params string[] more) =>
        [.. (await CurlAsync(url(0), [.. more, .. Enumerable.Range(1, count - 1).Select(url)])).Lines.Where(line => line.StartsWith(_network, StringComparison.Ordinal))];

    internal async Task<TcpClient> ConnectAsync(string from = Client, int port = 80)
    {
        var client = new TcpClient(new IPEndPoint(IPAddress.Parse(from), 0)) { NoDelay = true };
        await client.ConnectAsync(Address, port);
        return client;
    }

    /// <summary>Sends bytes as they are, and reads until the connection ends.</summary>
    internal async Task<string> SayAsync(byte[] bytes, string from = Client)
    {
        using var client = await ConnectAsync(from);
        await client.GetStream().WriteAsync(bytes);
        return await HearAsync(client.GetStream());
    }

    internal Task<string> SayAsync(string text, string from = Client) => SayAsync(Encoding.Latin1.GetBytes(text), from);

    /// <summary>Everything until the connection ends or breaks.</summary>
    internal static async Task<string> HearAsync(Stream stream)
    {
        var heard = new StringBuilder();
        var buffer = new byte[4096];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            while (await stream.ReadAsync(buffer, patience.Token) is > 0 and var count) heard.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }
        catch (IOException)
        {
            // As good as an end.
        }
        return heard.ToString();
    }

    /// <summary>Reasons and messages of what is told of an Ingress, once there are so many.</summary>
    internal Task<string[]> EventsAsync(string ingress, int count = 1) => Until.AsyncHolds(
        async () => (await Kubectl.RunAsync("get", "events", "--field-selector", $"involvedObject.name={ingress}", "-o", "jsonpath={range .items[*]}{.reason} {.message}{\"\\n\"}{end}")).Split('\n', StringSplitOptions.RemoveEmptyEntries),
        events => events.Length >= count, $"{count} events of {ingress}");

    /// <summary>The sum of a metric's samples that have these labels.</summary>
    internal async Task<double> MetricAsync(string name, string labels) => (await Command.RunAsync("curl", "-s", $"http://{Address}:10254/metrics")).Lines
        .Where(line => line.StartsWith(name + "{", StringComparison.Ordinal) && line.Contains(labels, StringComparison.Ordinal))
        .Sum(line => double.Parse(line.Split(' ')[^1], global::System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>The first that nobody has, of another run or another class: whose first address can be taken.</summary>
    private async Task TakeNetworkAsync()
    {
        for (var number = (Environment.ProcessId * 16) + Interlocked.Increment(ref s_count); ; number++)
        {
            _network = $"198.{18 + (number / 256 % 2)}.{number % 256}";
            var taken = await Command.TryAsync("ip", ["address", "add", $"{Address}/32", "dev", "lo"]);
            if (taken.Error.Contains("exists", StringComparison.Ordinal) || taken.Error.Contains("already", StringComparison.Ordinal)) continue;
            Assert.True(taken.Code == 0, taken.Error);
            _addresses.Add(Address);
            return;
        }
    }
}
