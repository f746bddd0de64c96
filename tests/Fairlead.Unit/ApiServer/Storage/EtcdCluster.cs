using System.Diagnostics;
using System.Net;

namespace Fairlead.Unit.ApiServer.Storage;

/// <summary>Debian's etcd, one member or several, on loopback addresses of its own, with its data in a temporary folder.</summary>
public sealed class EtcdCluster : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fairlead-etcd-");
    private readonly List<Member> _members = [];
    private readonly string[] _tls;

    private EtcdCluster(string scheme, string[] tls) => (Scheme, _tls) = (scheme, tls);

    private string Scheme { get; }

    /// <summary>As --etcd-servers takes it.</summary>
    public string Servers => string.Join(',', _members.Select(member => member.Client(Scheme)));

    /// <param name="addresses">One a member.</param>
    /// <param name="tls">Options of etcd that make it speak TLS with clients; none: it does not.</param>
    public static async Task<EtcdCluster> StartAsync(IReadOnlyList<IPAddress> addresses, params string[] tls)
    {
        var cluster = new EtcdCluster(tls.Length > 0 ? "https" : "http", tls);
        cluster._members.AddRange(addresses.Select((address, i) => new Member($"m{i}", address)));
        foreach (var member in cluster._members) cluster.Start(member);
        await cluster.WaitAsync();
        return cluster;
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync(int index)
    {
        if (_members[index].Process is not { } process) return;
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        _members[index].Process = null;
    }

    /// <summary>Starts a member again, with the data that it had.</summary>
    public async Task RestartAsync(int index)
    {
        Start(_members[index]);
        await WaitAsync();
    }

    /// <summary>The member of a moment that decides.</summary>
    public async Task<int> LeaderAsync()
    {
        using var http = new HttpClient();
        for (var i = 0; ; i = (i + 1) % _members.Count)
        {
            if (_members[i].Process is null) continue;
            var metrics = await http.GetStringAsync($"http://{_members[i].Address}:2381/metrics");
            if (metrics.Contains("\netcd_server_is_leader 1\n", StringComparison.Ordinal)) return i;
        }
    }

    public async ValueTask DisposeAsync()
    {
        for (var i = 0; i < _members.Count; i++) await KillAsync(i);
        _folder.Delete(recursive: true);
    }

    private void Start(Member member)
    {
        var start = new ProcessStartInfo("/usr/bin/etcd") { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var word in (string[])
        [
            "--name", member.Name, "--data-dir", Path.Combine(_folder.FullName, member.Name), "--log-level", "error", "--logger", "zap",
            "--listen-client-urls", member.Client(Scheme), "--advertise-client-urls", member.Client(Scheme), "--listen-metrics-urls", $"http://{member.Address}:2381",
            "--listen-peer-urls", member.Peer, "--initial-advertise-peer-urls", member.Peer,
            "--initial-cluster", string.Join(',', _members.Select(other => $"{other.Name}={other.Peer}")),
            // Loopback has no distance.
            "--heartbeat-interval", "50", "--election-timeout", "500", .. _tls,
        ]) start.ArgumentList.Add(word);
        member.Process = Process.Start(start)!;
        member.Process.BeginErrorReadLine();
        member.Process.BeginOutputReadLine();
    }

    private async Task WaitAsync()
    {
        using var http = new HttpClient();
        var began = TimeProvider.System.GetTimestamp();
        foreach (var member in _members.Where(member => member.Process is not null))
        {
            while (!await IsHealthyAsync(http, member))
            {
                if (member.Process!.HasExited) throw new InvalidOperationException($"etcd has ended with {member.Process.ExitCode}");
                if (TimeProvider.System.GetElapsedTime(began) > TimeSpan.FromSeconds(30)) throw new TimeoutException("etcd is not healthy");
                await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
            }
        }
    }

    private static async Task<bool> IsHealthyAsync(HttpClient http, Member member)
    {
        try
        {
            return (await http.GetStringAsync($"http://{member.Address}:2381/health")).Contains("true", StringComparison.Ordinal);
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private sealed record Member(string Name, IPAddress Address)
    {
        public Process? Process { get; set; }
        public string Peer => $"http://{Address}:2380";
        public string Client(string scheme) => $"{scheme}://{Address}:2379";
    }
}
