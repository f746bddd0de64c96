using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Fairlead.Unit.Node.Images;
using Xunit;

namespace Fairlead.System;

/// <summary>Debian's docker-registry on a port of loopback, open only to me:secret; gone with its files when disposed.</summary>
internal sealed class DockerRegistry : IAsyncDisposable
{
    public const string User = "me:secret";

    // htpasswd -nbB me secret
    private const string PasswordLine = "me:$2y$05$klDXs5XD77EIpMmHLnUyPuClgw.bAlJkB4/T2MmhMRdNZxqojWVf2";
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-registry-").FullName;
    private readonly HttpClient _http;
    private readonly Process _process;

    private DockerRegistry()
    {
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            Host = $"127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}";
        }
        File.WriteAllText($"{_folder}/htpasswd", PasswordLine + "\n");
        File.WriteAllText($"{_folder}/config.yml", $$"""
            version: 0.1
            log: { level: error }
            storage: { filesystem: { rootdirectory: {{_folder}}/data } }
            http: { addr: {{Host}} }
            auth: { htpasswd: { realm: test, path: {{_folder}}/htpasswd } }
            """);
        _process = Command.Start("docker-registry", ["serve", $"{_folder}/config.yml"]);
        _http = new HttpClient { BaseAddress = new Uri($"http://{Host}") };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(User)));
    }

    public string Host { get; }

    public static async Task<DockerRegistry> StartAsync()
    {
        var registry = new DockerRegistry();
        await Until.AsyncHolds(registry.IsUpAsync, up => up, "docker-registry answers");
        return registry;
    }

    public async Task PushAsync(string repository, string tag, TestImage image)
    {
        var (manifest, blobs) = image.Manifest(TestImage.Gzip);
        foreach (var (digest, blob) in blobs)
        {
            using var begun = await _http.PostAsync($"/v2/{repository}/blobs/uploads/", null);
            var place = begun.Headers.Location!.ToString();
            using var put = await _http.PutAsync($"{place}{(place.Contains('?') ? "&" : "?")}digest={digest}", new ByteArrayContent(blob));
            Assert.Equal(HttpStatusCode.Created, put.StatusCode);
        }
        var content = new ByteArrayContent(manifest);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/vnd.oci.image.manifest.v1+json");
        using var named = await _http.PutAsync($"/v2/{repository}/manifests/{tag}", content);
        Assert.Equal(HttpStatusCode.Created, named.StatusCode);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<bool> IsUpAsync()
    {
        try
        {
            using var answer = await _http.GetAsync("/v2/");
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
