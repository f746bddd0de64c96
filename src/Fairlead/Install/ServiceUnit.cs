using System.Text;

namespace Fairlead.Install;

/// <summary>A systemd service as it is to be written (systemd.service(5), systemd.exec(5)). Pure.</summary>
/// <param name="Name">Its file's name, for example <c>fairlead-proxy.service</c>.</param>
internal sealed record ServiceUnit(string Name, string Text)
{
    /// <summary>Where a unit that is enabled hangs.</summary>
    public const string Target = "multi-user.target";

    /// <summary>What a part that runs alone may do, beside reading files of others (its kubeconfig). Those that are not here are no parts.
    /// Entering a network namespace, be it its own, takes CAP_SYS_ADMIN (setns(2)).</summary>
    private static readonly Dictionary<string, (string Description, string[] Capabilities)> Known = new()
    {
        ["proxy"] = ("Fairlead's load balancer of this node", ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"]),
        ["dns"] = ("Fairlead's cluster DNS", ["CAP_NET_BIND_SERVICE"]),
        ["ingress"] = ("Fairlead's ingress", ["CAP_NET_BIND_SERVICE"]),
        ["loadbalancer"] = ("Fairlead's load-balancer addresses on this node", ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"]),
        ["controllers"] = ("Fairlead's controllers", []),
    };

    public static IEnumerable<string> Parts => Known.Keys;

    /// <summary>A cluster of this machine. It is kept when the service stops, as when the machine does; `fairlead down` removes it.</summary>
    /// <param name="arguments">Of `fairlead up`.</param>
    public static ServiceUnit OfCluster(string program, string cluster, bool isDefault, IReadOnlyList<string> arguments) => new(
        isDefault ? "fairlead.service" : $"fairlead-cluster-{cluster}.service",
        $"""
        [Unit]
        Description=Fairlead cluster {cluster}
        Wants=network-online.target
        After=network-online.target

        [Service]
        Type=notify
        ExecStart={Line([program, "up", "--foreground", "--keep", .. arguments])}
        Restart=on-failure
        RestartSec=2
        # It stops its processes and pods in order; what is left then is killed.
        KillMode=mixed
        # Pods have control groups of their own.
        Delegate=yes
        TasksMax=infinity
        LimitNOFILE=1048576
        TimeoutStartSec=180
        TimeoutStopSec=60

        [Install]
        WantedBy={Target}

        """);

    /// <summary>A part alone, against any API server.</summary>
    /// <param name="part">One of <see cref="Parts"/>, which is the command's name too.</param>
    public static ServiceUnit OfPart(string program, string part, string kubeconfig, IReadOnlyList<string> arguments)
    {
        var (description, capabilities) = Known[part];
        return new ServiceUnit($"fairlead-{part}.service",
            $"""
            [Unit]
            Description={description}
            Wants=network-online.target
            After=network-online.target

            [Service]
            Type=exec
            ExecStart={Line([program, part, "--kubeconfig", kubeconfig, .. arguments])}
            Restart=always
            RestartSec=1
            LimitNOFILE=1048576
            CapabilityBoundingSet={string.Join(' ', capabilities.Append("CAP_DAC_READ_SEARCH"))}
            NoNewPrivileges=yes
            ProtectSystem=full
            ProtectHome=read-only
            PrivateTmp=yes

            [Install]
            WantedBy={Target}

            """);
    }

    /// <summary>The commands that make a machine a server or a node of a cluster.</summary>
    public static IReadOnlyList<string> Roles { get; } = ["server", "agent"];

    /// <summary>A server, or a node that joins one.</summary>
    /// <param name="role">One of <see cref="Roles"/>, which is the command's name too.</param>
    public static ServiceUnit OfRole(string program, string role, IReadOnlyList<string> arguments) => new($"fairlead-{role}.service",
        $"""
        [Unit]
        Description={(role == "agent" ? "Fairlead's node on this machine" : "Fairlead's API server and controllers")}
        Wants=network-online.target
        After=network-online.target

        [Service]
        Type=exec
        ExecStart={Line([program, role, .. arguments])}
        Restart=always
        RestartSec=1
        LimitNOFILE=1048576
        {(role == "agent" ? NodeLines : ServerLines)}

        [Install]
        WantedBy={Target}

        """) { HasToken = arguments.Any(word => word.StartsWith("--token", StringComparison.Ordinal)) };

    private const string NodeLines = """
        # Pods go on while the agent stops and starts; `fairlead reset` ends them.
        KillMode=process
        # They have control groups of their own.
        Delegate=yes
        TasksMax=infinity
        """;

    private const string ServerLines = """
        ProtectSystem=full
        ProtectHome=read-only
        NoNewPrivileges=yes
        """;

    /// <summary>Whether the text is for root's eyes alone.</summary>
    public bool HasToken { get; private init; }

    private static string Line(IEnumerable<string> words) => string.Join(' ', words.Select(Quote));

    /// <summary>A word of a command line: % and $ are systemd's own, and what is not plain stands between quotes.</summary>
    internal static string Quote(string word)
    {
        var plain = word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:,=@+%$".Contains(c, StringComparison.Ordinal));
        var text = new StringBuilder();
        foreach (var c in word)
        {
            text.Append(c switch
            {
                '%' => "%%",
                '$' => "$$",
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\t' => "\\t",
                _ => c.ToString(),
            });
        }
        return plain ? text.ToString() : $"\"{text}\"";
    }
}
