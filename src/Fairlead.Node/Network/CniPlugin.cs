using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Node.Network;

/// <summary>
/// This program as a network plugin of a container runtime (Container Network Interface specification 0.4.0): the runtime starts it for each
/// sandbox, with what is wanted in the environment and its configuration as input. The node's network is the agent's to make: what is asked
/// is passed on to it. Of type <c>loopback</c>, which runtimes call on their own, it sets lo up.
/// </summary>
public static class CniPlugin
{
    private const string Version = "0.4.0";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>What the runtime wants of a plugin; null: the program was not started as one.</summary>
    public static string? Command => System.Environment.GetEnvironmentVariable("CNI_COMMAND");

    /// <summary>The types by which runtimes find it, as file names.</summary>
    internal static IReadOnlyList<string> Names { get; } = ["fairlead", "loopback"];

    /// <summary>A network configuration list for the runtime.</summary>
    /// <param name="socket">Where the agent listens.</param>
    internal static string Configuration(string socket) => new JsonObject
    {
        ["cniVersion"] = Version,
        ["name"] = "fairlead",
        ["plugins"] = new JsonArray(new JsonObject { ["type"] = "fairlead", ["socket"] = socket }),
    }.ToJsonString();

    /// <summary>Does what <see cref="Command"/> says; answers the exit code.</summary>
    public static async Task<int> RunAsync(TextReader input, TextWriter output)
    {
        try
        {
            if (Command == "VERSION")
            {
                await output.WriteAsync(new JsonObject { ["cniVersion"] = Version, ["supportedVersions"] = new JsonArray("0.3.0", "0.3.1", Version) }.ToJsonString());
                return 0;
            }
            var config = JsonNode.Parse(await input.ReadToEndAsync())?.AsObject() ?? [];
            var isLoopback = Text(config, "type") == "loopback";
            if (Command != "ADD") return 0;
            var version = Text(config, "cniVersion");
            await output.WriteAsync((isLoopback ? AddLoopback(version) : await AddAsync(Text(config, "socket"), version)).ToJsonString());
            return 0;
        }
        catch (Exception e) when (e is IOException or SocketException or LinuxException or System.Text.Json.JsonException or OperationCanceledException or InvalidOperationException)
        {
            await output.WriteAsync(new JsonObject { ["cniVersion"] = Version, ["code"] = 100, ["msg"] = e.Message }.ToJsonString());
            return 1;
        }
    }

    private static JsonObject AddLoopback(string version)
    {
        using var inside = RouteSocket.Open(NamespacePath);
        inside.SetUp(RouteSocket.LoopbackIndex);
        return Result(version, "lo", "127.0.0.1/8", null);
    }

    private static async Task<JsonObject> AddAsync(string socket, string version)
    {
        using var patience = new CancellationTokenSource(Patience, TimeProvider.System);
        using var agent = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await agent.ConnectAsync(new UnixDomainSocketEndPoint(socket), patience.Token);
        await using var stream = new NetworkStream(agent);
        var request = new JsonObject { ["pod"] = PodUid(), ["namespace"] = NamespacePath };
        await stream.WriteAsync(Encoding.UTF8.GetBytes(request.ToJsonString() + "\n"), patience.Token);
        using var reader = new StreamReader(stream);
        var answer = JsonNode.Parse(await reader.ReadLineAsync(patience.Token) ?? "{}")!.AsObject();
        if (Text(answer, "failure") is { Length: > 0 } failure) throw new IOException(failure);
        return Result(version, Interface, $"{Text(answer, "address")}/32", Text(answer, "gateway"));
    }

    private static JsonObject Result(string version, string name, string address, string? gateway)
    {
        var ip = new JsonObject { ["version"] = "4", ["address"] = address, ["interface"] = 0 };
        var result = new JsonObject
        {
            ["cniVersion"] = version,
            ["interfaces"] = new JsonArray(new JsonObject { ["name"] = name, ["sandbox"] = NamespacePath }),
            ["ips"] = new JsonArray(ip),
        };
        if (gateway is null) return result;
        ip["gateway"] = gateway;
        result["routes"] = new JsonArray(new JsonObject { ["dst"] = "0.0.0.0/0", ["gw"] = gateway });
        return result;
    }

    private static string NamespacePath => System.Environment.GetEnvironmentVariable("CNI_NETNS") ?? "";

    private static string Interface => System.Environment.GetEnvironmentVariable("CNI_IFNAME") ?? "eth0";

    /// <summary>CNI_ARGS is <c>NAME=VALUE;…</c>.</summary>
    private static string PodUid() => (System.Environment.GetEnvironmentVariable("CNI_ARGS") ?? "").Split(';')
        .Select(pair => pair.Split('=', 2)).FirstOrDefault(pair => pair is ["K8S_POD_UID", _])?[1]
        ?? throw new InvalidOperationException("the runtime does not tell the pod's UID (K8S_POD_UID in CNI_ARGS)");

    private static string Text(JsonObject json, string name) => json[name]?.GetValue<string>() ?? "";
}
