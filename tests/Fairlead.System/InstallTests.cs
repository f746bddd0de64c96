using Xunit;

namespace Fairlead.System;

/// <summary>systemd units: what is written, that systemd takes it, and that exactly that goes away again.</summary>
public sealed class InstallTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("fairlead-root-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private static Task<CommandResult> FairleadAsync(params string[] arguments) => Command.TryAsync(Command.Fairlead, arguments);

    public static TheoryData<string, string[], string> Units => new()
    {
        { "fairlead.service", ["cluster", "--kubeconfig", "/etc/k"], " up --foreground --keep --name fairlead --kubeconfig /etc/k" },
        { "fairlead-cluster-dev.service", ["cluster", "--name", "dev", "--kubeconfig", "/etc/k", "--", "--nodes", "3", "--zones", "a b,c%d"], " up --foreground --keep --name dev --kubeconfig /etc/k --nodes 3 --zones \"a b,c%%d\"" },
        { "fairlead-server.service", ["server", "--", "--bind-address", "192.0.2.1"], " server --bind-address 192.0.2.1" },
        { "fairlead-agent.service", ["agent", "--", "--server", "https://192.0.2.1:6443", "--token", "abcdef.0123456789abcdef"], " agent --server https://192.0.2.1:6443 --token abcdef.0123456789abcdef" },
        { "fairlead-proxy.service", ["proxy", "--kubeconfig", "/etc/k", "--", "--cluster-cidr", "10.244.0.0/16"], " proxy --kubeconfig /etc/k --cluster-cidr 10.244.0.0/16" },
        { "fairlead-dns.service", ["dns", "--kubeconfig", "/etc/k"], " dns --kubeconfig /etc/k" },
        { "fairlead-ingress.service", ["ingress", "--kubeconfig", "/etc/k"], " ingress --kubeconfig /etc/k" },
        { "fairlead-loadbalancer.service", ["loadbalancer", "--kubeconfig", "/etc/k", "--", "--addresses", "192.0.2.0/28", "--node-ip", "192.0.2.1"], " loadbalancer --kubeconfig /etc/k --addresses 192.0.2.0/28 --node-ip 192.0.2.1" },
        { "fairlead-controllers.service", ["controllers", "--kubeconfig", "/etc/k"], " controllers --kubeconfig /etc/k" },
    };

    [Theory]
    [MemberData(nameof(Units))]
    public async Task Install_IntoARoot_SystemdTakesTheUnitAndUninstallLeavesNothing(string unit, string[] arguments, string line)
    {
        var split = Array.IndexOf(arguments, "--") is var at && at < 0 ? arguments.Length : at;
        Directory.CreateDirectory($"{_root}/etc/systemd/system");
        await File.WriteAllTextAsync($"{_root}/etc/systemd/system/other.service", "[Unit]\n");
        var before = Tree();

        var installed = await FairleadAsync(["install", .. arguments[..split], "--root", _root, "--enable", .. arguments[split..]]);

        Assert.True(installed.Code == 0, installed.Error);
        var file = $"{_root}/etc/systemd/system/{unit}";
        Assert.Contains($"\nExecStart={Command.Fairlead}{line}\n", await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        Assert.Equal($"/etc/systemd/system/{unit}", new FileInfo($"{_root}/etc/systemd/system/multi-user.target.wants/{unit}").LinkTarget);
        // A token is for root's eyes alone.
        Assert.Equal(line.Contains("--token", StringComparison.Ordinal), !File.GetUnixFileMode(file).HasFlag(UnixFileMode.OtherRead));
        // It warns of what it does not know, and ends well nevertheless.
        var verified = await Command.RunAsync("systemd-analyze", "verify", file);
        Assert.Equal(("", ""), (verified.Output, verified.Error));

        Assert.Equal(0, (await FairleadAsync("uninstall", unit, "--root", _root)).Code);
        Assert.Equal(before, Tree());
    }

    [Fact]
    public async Task Uninstall_OfSeveral_TakesEachAndThenTheList()
    {
        foreach (var part in (string[])["dns", "proxy"]) Assert.Equal(0, (await FairleadAsync("install", part, "--kubeconfig", "/etc/k", "--root", _root)).Code);
        Assert.Equal(0, (await FairleadAsync("uninstall", "dns", "--root", _root)).Code);
        Assert.Equal(["fairlead-proxy.service"], Directory.EnumerateFiles($"{_root}/etc/systemd/system").Select(Path.GetFileName));

        Assert.Equal(0, (await FairleadAsync("uninstall", "--root", _root)).Code);

        Assert.Empty(Tree());
        Assert.Equal("No unit is installed.\n", (await FairleadAsync("uninstall", "--root", _root)).Output);
    }

    [Fact]
    public async Task Install_OverWhatIsNotOurs_IsRefused()
    {
        Assert.Equal(0, (await FairleadAsync("install", "dns", "--kubeconfig", "/etc/k", "--root", _root)).Code);
        Assert.Equal(0, (await FairleadAsync("install", "dns", "--kubeconfig", "/etc/other", "--root", _root)).Code);
        var file = $"{_root}/etc/systemd/system/fairlead-dns.service";
        Assert.Contains("/etc/other", await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        await File.AppendAllTextAsync(file, "# mine\n");

        foreach (var arguments in (string[][])[["install", "dns", "--kubeconfig", "/etc/k", "--root", _root], ["uninstall", "--root", _root]])
        {
            var refused = await FairleadAsync(arguments);
            Assert.Equal(1, refused.Code);
            Assert.StartsWith($"fairlead: {file} was changed since", refused.Error, StringComparison.Ordinal);
        }
        Assert.Contains("# mine", await File.ReadAllTextAsync(file), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Install_Print_WritesNothing()
    {
        var printed = await FairleadAsync("install", "proxy", "--kubeconfig", "/etc/k", "--print", "--root", _root);

        Assert.StartsWith("[Unit]\n", printed.Output, StringComparison.Ordinal);
        Assert.Empty(Tree());
    }

    [Theory]
    [InlineData("install cluster", "this machine does not run systemd; --root DIR")]
    [InlineData("install loadbalancer --kubeconfig /etc/k --print", "does not take that: Option '--addresses' is required.")]
    [InlineData("install dns --kubeconfig /etc/k --root /nonexistent", "--root /nonexistent is no folder")]
    [InlineData("uninstall foo --root /tmp", "no unit foo is installed; installed: none")]
    public async Task Install_ThatCannotBe_IsOneLine(string line, string words)
    {
        // /run is empty, so that it is the same on a machine with systemd.
        var refused = await Command.TryAsync("unshare", ["-m", "sh", "-c", "mount -t tmpfs none /run && exec \"$@\"", "sh", Command.Fairlead, .. line.Split(' ')]);

        Assert.Equal(1, refused.Code);
        Assert.StartsWith("fairlead: ", refused.Error, StringComparison.Ordinal);
        Assert.Contains(words, refused.Error, StringComparison.Ordinal);
        Assert.Single(refused.Error.Trim().Split('\n'));
    }

    /// <summary>The machine's own /etc under a private layer, and a systemctl that notes what it is told.</summary>
    [Fact]
    public async Task Install_OnAMachineWithSystemd_TellsIt()
    {
        const string Machine = """
            set -e
            mount -t tmpfs none /run
            mkdir -p /run/systemd/system /run/bin /run/upper /run/work
            mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work /etc
            printf '#!/bin/sh\necho "$@" >>/run/told\n' >/run/bin/systemctl
            chmod +x /run/bin/systemctl
            export PATH=/run/bin:$PATH
            echo >/run/k
            "$1" install dns --kubeconfig /run/k --enable --now
            test -e /etc/systemd/system/fairlead-dns.service
            test -e /etc/systemd/system/multi-user.target.wants/fairlead-dns.service
            "$1" uninstall dns
            test ! -e /etc/systemd/system/fairlead-dns.service
            test ! -e /etc/fairlead
            cat /run/told
            """;

        var result = await Command.RunAsync("unshare", "-m", "sh", "-c", Machine, "sh", Command.Fairlead);

        Assert.EndsWith("daemon-reload\nstart fairlead-dns.service\nstop fairlead-dns.service\ndaemon-reload\n", result.Output, StringComparison.Ordinal);
    }

    private string[] Tree() => [.. Directory.EnumerateFileSystemEntries(_root, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
}
