using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace Fairlead.System;

/// <summary>`fairlead server` alone, on a folder of its own: no nodes, no namespaces, so that a test may kill it.</summary>
public sealed class ServerProcess : IAsyncDisposable
{
    private const string Token = "test-token";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fairlead-server-");

    // An address of its own has all ports to itself, whatever the local ends of connections, which are at 127.0.0.1, take.
    private readonly string _address = $"127.{1 + (Environment.ProcessId % 250)}.{Random.Shared.Next(256)}.{Random.Shared.Next(1, 255)}";
    private Process? _process;

    public ServerProcess()
    {
        File.WriteAllText(TokenFile, $"{Token},admin,1,\"system:masters\"\n");
        Http = new HttpClient(new SocketsHttpHandler { SslOptions = new() { RemoteCertificateValidationCallback = IsThisServer } })
        {
            BaseAddress = new Uri($"https://{_address}:6443"),
        };
        Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
    }

    /// <summary>As system:masters.</summary>
    public HttpClient Http { get; }

    /// <summary>Options besides those that every such server has.</summary>
    public IReadOnlyList<string> Options { get; set; } = [];

    /// <summary>Where pods would reach it.</summary>
    public string AdvertiseAddress { get; init; } = "192.0.2.10";

    private string Pki => Path.Combine(_folder.FullName, "data", "pki");

    /// <summary>A kubeconfig of system:masters, once it has started.</summary>
    public string Kubeconfig
    {
        get
        {
            var file = Path.Combine(_folder.FullName, "kubeconfig");
            var authority = Path.Combine(_folder.FullName, "data", "pki", "ca.crt");
            File.WriteAllText(file, $$"""
                { "apiVersion": "v1", "kind": "Config", "current-context": "t", "contexts": [{ "name": "t", "context": { "cluster": "t", "user": "t" } }],
                  "users": [{ "name": "t", "user": { "token": "{{Token}}" } }],
                  "clusters": [{ "name": "t", "cluster": { "server": "https://{{_address}}:6443", "certificate-authority": "{{authority}}" } }] }
                """);
            return file;
        }
    }

    private string TokenFile => Path.Combine(_folder.FullName, "tokens");

    /// <summary>Where tests may put files of their own.</summary>
    public string Folder => _folder.FullName;

    public string DataFolder => Path.Combine(_folder.FullName, "data");

    /// <param name="more">Options beside those that every test needs.</param>
    public async Task StartAsync(params string[] more)
    {
        _process = Command.Start(Command.Fairlead,
        [
            "server", "--data-dir", Path.Combine(_folder.FullName, "data"), "--bind-address", _address, "--secure-port", "6443",
            "--advertise-address", AdvertiseAddress, "--token-auth-file", TokenFile, .. Options, .. more,
        ]);
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        await Until.AsyncHolds(IsReadyAsync, ready => ready, "the server is ready");
    }

    /// <summary>Gives it the certificates of another, as servers of one cluster have them.</summary>
    public void TakePkiOf(ServerProcess other)
    {
        Directory.CreateDirectory(Pki);
        foreach (var file in Directory.GetFiles(other.Pki)) File.Copy(file, Path.Combine(Pki, Path.GetFileName(file)));
    }

    /// <summary>SIGTERM: it ends as an administrator ends it.</summary>
    public async Task EndAsync()
    {
        await Command.RunAsync("kill", "-TERM", _process!.Id.ToString(CultureInfo.InvariantCulture));
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    /// <summary>SIGKILL: no handler runs, nothing is flushed.</summary>
    public async Task KillAsync()
    {
        if (_process is null) return;
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    /// <summary>The answer's code and body; throws what HttpClient throws when the server is gone.</summary>
    public async Task<(int Code, JsonNode Body)> SendAsync(HttpMethod method, string path, JsonNode? body = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null) request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var response = await Http.SendAsync(request);
        return ((int)response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync())!);
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        Http.Dispose();
        _folder.Delete(recursive: true);
    }

    private async Task<bool> IsReadyAsync()
    {
        Assert.False(_process!.HasExited, "the server has ended");
        try
        {
            return await Http.GetStringAsync("/readyz") == "ok";
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>Trusts the authority that the server made in its folder.</summary>
    private bool IsThisServer(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is not X509Certificate2 given || chain is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch)) return false;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(X509CertificateLoader.LoadCertificateFromFile(Path.Combine(_folder.FullName, "data", "pki", "ca.crt")));
        return chain.Build(given);
    }
}
