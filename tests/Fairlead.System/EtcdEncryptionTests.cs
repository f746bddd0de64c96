using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Fairlead.Unit.ApiServer.Storage;
using Xunit;

namespace Fairlead.System;

/// <summary>Secrets encrypted in a real etcd, as an administrator begins it, changes the key and ends with the new one alone (docs/server-protection.md).</summary>
public sealed class EtcdEncryptionTests : IAsyncLifetime
{
    private const string Password = "correct-horse-battery-staple";
    private static readonly IPAddress Member = new([127, (byte)(1 + (Environment.ProcessId % 250)), (byte)Random.Shared.Next(256), (byte)Random.Shared.Next(1, 255)]);
    private readonly ServerProcess _server = new();
    private readonly HttpClient _http = new();
    private EtcdCluster _etcd = null!;

    public async ValueTask InitializeAsync()
    {
        _etcd = await EtcdCluster.StartAsync([Member]);
        _server.Options = ["--etcd-servers", _etcd.Servers];
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _etcd.DisposeAsync();
        _http.Dispose();
    }

    [Fact]
    public async Task Secrets_AreCiphertextInEtcd_ThroughAChangeOfKeys()
    {
        await _server.StartAsync();
        await KubectlAsync("create", "secret", "generic", "old", $"--from-literal=p={Password}");
        Assert.Contains(Convert.ToBase64String(Encoding.UTF8.GetBytes(Password)), await StoredAsync("old"), StringComparison.Ordinal);

        await RestartAsync("key1");
        await KubectlAsync("create", "secret", "generic", "new", $"--from-literal=p={Password}");
        AssertHidden("key1", await StoredAsync("new"));
        await RewriteAsync();
        AssertHidden("key1", await StoredAsync("old"));

        await RestartAsync("key2", "key1");
        Assert.Equal(Password, await ReadAsync("old"));
        AssertHidden("key1", await StoredAsync("old"));
        await RewriteAsync();
        AssertHidden("key2", await StoredAsync("old"));
        AssertHidden("key2", await StoredAsync("new"));

        await RestartAsync("key2");
        Assert.Equal((Password, Password), (await ReadAsync("old"), await ReadAsync("new")));
    }

    private static void AssertHidden(string key, string stored)
    {
        Assert.StartsWith($"k8s:enc:aesgcm:v1:{key}:", stored, StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToBase64String(Encoding.UTF8.GetBytes(Password)), stored, StringComparison.Ordinal);
        Assert.DoesNotContain("\"Secret\"", stored, StringComparison.Ordinal);
    }

    private async Task RestartAsync(params string[] keys)
    {
        await _server.EndAsync();
        var file = Path.Combine(_server.Folder, "encryption.yaml");
        var named = string.Join(", ", keys.Select(key => $"{{ name: {key}, secret: {Convert.ToBase64String(Encoding.UTF8.GetBytes(key.PadRight(32, '.')))} }}"));
        await File.WriteAllTextAsync(file, $$"""
            { apiVersion: apiserver.config.k8s.io/v1, kind: EncryptionConfiguration, resources: [
              { resources: [secrets], providers: [{ aesgcm: { keys: [{{named}}] } }, { identity: {} }] }] }
            """);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await _server.StartAsync("--encryption-provider-config", file);
    }

    /// <summary>As Kubernetes' documentation says: every Secret is written again as it is.</summary>
    private async Task RewriteAsync()
    {
        var all = await KubectlAsync("get", "secrets", "-A", "-o", "json");
        var file = Path.Combine(_server.Folder, "secrets.json");
        await File.WriteAllTextAsync(file, all);
        await KubectlAsync("replace", "-f", file);
    }

    private async Task<string> ReadAsync(string name) =>
        Encoding.UTF8.GetString(Convert.FromBase64String(await KubectlAsync("get", "secret", name, "-o", "jsonpath={.data.p}")));

    /// <summary>What etcd itself says is under the Secret's key (etcd documentation: "gRPC gateway").</summary>
    private async Task<string> StoredAsync(string name)
    {
        var key = Convert.ToBase64String(Encoding.UTF8.GetBytes($"/registry/secrets/default/{name}"));
        using var response = await _http.PostAsync($"{_etcd.Servers}/v3/kv/range", new StringContent($$"""{"key":"{{key}}"}""", Encoding.UTF8, "application/json"));
        var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
        return Encoding.Latin1.GetString(Convert.FromBase64String((string)answer["kvs"]![0]!["value"]!));
    }

    private async Task<string> KubectlAsync(params string[] arguments) =>
        (await Command.RunAsync("kubectl", ["--kubeconfig", _server.Kubeconfig, .. arguments])).Output.Trim();
}
