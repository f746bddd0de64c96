using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fairlead.Unit.Node.Images;

/// <summary>A registry that answers from memory, and fails where it is told to.</summary>
internal sealed class ScriptedRegistry : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ScriptedRegistry(WebApplication app) => _app = app;

    /// <summary>By "repository/manifests/tag" or "repository/blobs/digest".</summary>
    public ConcurrentDictionary<string, (string Type, byte[] Content)> Content { get; } = new();

    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>Who may read; null: everybody. They get a token for it.</summary>
    public string? User { get; set; }

    public bool ByBasic { get; set; }

    /// <summary>Bytes after which the connection is cut, for each blob once.</summary>
    public int? CutAfter { get; set; }

    public bool IgnoresRanges { get; set; }

    public string Host { get; private set; } = "";

    public static async Task<ScriptedRegistry> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0));
        var registry = new ScriptedRegistry(builder.Build());
        registry._app.Run(registry.AnswerAsync);
        await registry._app.StartAsync();
        registry.Host = new Uri(registry._app.Urls.First()).Authority;
        return registry;
    }

    public void Put(string repository, string tag, TestImage image, Func<byte[], byte[]> pack)
    {
        var (manifest, blobs) = image.Manifest(pack);
        foreach (var (digest, blob) in blobs) Content[$"{repository}/blobs/{digest}"] = ("application/octet-stream", blob);
        foreach (var name in (string[])[tag, TestImage.Digest(manifest)]) Content[$"{repository}/manifests/{name}"] = ("application/vnd.oci.image.manifest.v1+json", manifest);
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var request = context.Request;
        Requests.Enqueue($"{request.Method} {request.Path}{(request.Headers.Range.Count > 0 ? $" {request.Headers.Range}" : "")}");
        if (request.Path == "/token")
        {
            await GiveTokenAsync(context);
            return;
        }
        if (User is not null && request.Headers.Authorization != (ByBasic ? Basic(User) : $"Bearer for-{User}"))
        {
            context.Response.StatusCode = 401;
            context.Response.Headers.WWWAuthenticate = ByBasic ? "Basic realm=\"here\"" : $"Bearer realm=\"http://{Host}/token\",service=\"scripted\",scope=\"repository:x:pull\"";
            return;
        }
        if (!request.Path.StartsWithSegments("/v2", out var rest) || !Content.TryGetValue(rest.Value![1..], out var found))
        {
            context.Response.StatusCode = 404;
            return;
        }
        await SendAsync(context, found.Type, found.Content);
    }

    private async Task GiveTokenAsync(HttpContext context)
    {
        if (context.Request.Headers.Authorization != Basic(User!))
        {
            context.Response.StatusCode = 401;
            return;
        }
        await context.Response.WriteAsync($"{{\"token\":\"for-{User}\"}}");
    }

    private static string Basic(string user) => $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(user))}";

    private async Task SendAsync(HttpContext context, string type, byte[] content)
    {
        var from = 0;
        if (!IgnoresRanges && context.Request.Headers.Range.ToString() is { Length: > 0 } range)
        {
            from = int.Parse(range["bytes=".Length..^1], CultureInfo.InvariantCulture);
            context.Response.StatusCode = 206;
        }
        context.Response.ContentType = type;
        context.Response.ContentLength = content.Length - from;
        if (CutAfter is { } cut && content.Length - from > cut)
        {
            await context.Response.Body.WriteAsync(content.AsMemory(from, cut));
            await context.Response.Body.FlushAsync();
            context.Abort();
            return;
        }
        await context.Response.Body.WriteAsync(content.AsMemory(from));
    }
}
