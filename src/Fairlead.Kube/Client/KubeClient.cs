using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Fairlead.Kube.Json;
using k8s;
using k8s.Models;

namespace Fairlead.Kube.Client;

/// <summary>
/// Typed verbs against any Kubernetes API server. Thread-safe; one instance serves a whole process.
/// Every method throws <see cref="KubeApiException"/> for a refusal and <see cref="HttpRequestException"/> if the server is out of reach.
/// </summary>
public sealed partial class KubeClient : IDisposable
{
    private readonly HttpClient _http;

    public KubeClient(KubeClientConfiguration configuration, string userAgent)
        : this(new HttpClient(Handler(configuration)) { BaseAddress = configuration.Server }, userAgent)
    {
        if (configuration is { BearerToken: { } token, BearerTokenFile: null })
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    private static HttpMessageHandler Handler(KubeClientConfiguration configuration)
    {
        var handler = configuration.CreateHandler();
        return configuration.BearerTokenFile is { } file ? new TokenFileHandler(file, TimeProvider.System, handler) : handler;
    }

    /// <summary>Over a handler of the caller's, for example one that reaches a server in this process.</summary>
    public KubeClient(HttpClient http, string userAgent)
    {
        _http = http;
        _http.Timeout = Timeout.InfiniteTimeSpan;
        _http.DefaultRequestVersion = HttpVersion.Version20;
        _http.DefaultVersionPolicy = HttpVersionPolicy.RequestVersionOrLower;
        _http.DefaultRequestHeaders.UserAgent.ParseAdd(userAgent);
    }

    /// <summary>For requests that have no typed verb (health, metrics, subresources of other servers).</summary>
    public HttpClient Http => _http;

    public void Dispose() => _http.Dispose();

    public Task<T> GetAsync<T>(ApiResource<T> resource, string? ns, string name, CancellationToken cancel)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        SendAsync<T>(HttpMethod.Get, resource.Path(ns, name), null, cancel);

    /// <summary>As <see cref="GetAsync"/>, but null where there is no such object.</summary>
    public async Task<T?> FindAsync<T>(ApiResource<T> resource, string? ns, string name, CancellationToken cancel)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        try
        {
            return await GetAsync(resource, ns, name, cancel);
        }
        catch (KubeApiException e) when (e.IsNotFound)
        {
            return null;
        }
    }

    /// <summary>Creates the object in the namespace that its metadata names.</summary>
    public Task<T> CreateAsync<T>(ApiResource<T> resource, T obj, CancellationToken cancel)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        SendAsync<T>(HttpMethod.Post, resource.Path(obj.Metadata.NamespaceProperty), Body(resource, obj), cancel);

    /// <summary>Replaces the object, or one subresource of it (<c>status</c>); a resource version in its metadata must be the present one.</summary>
    public Task<T> ReplaceAsync<T>(ApiResource<T> resource, T obj, string? subresource, CancellationToken cancel)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        SendAsync<T>(HttpMethod.Put, resource.Path(obj.Metadata.NamespaceProperty, obj.Metadata.Name, subresource), Body(resource, obj), cancel);

    public Task<T> PatchAsync<T>(ApiResource<T> resource, ObjectKey key, Patch patch, string? subresource, CancellationToken cancel)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var content = new ReadOnlyMemoryContent(patch.Body);
        content.Headers.ContentType = new MediaTypeHeaderValue(patch.ContentType);
        return SendAsync<T>(HttpMethod.Patch, resource.Path(key.Namespace, key.Name, subresource), content, cancel);
    }

    /// <summary>Asks for deletion. Answers false where there was no such object (or its UID precondition failed, in which case it is gone too).</summary>
    public async Task<bool> DeleteAsync<T>(ApiResource<T> resource, ObjectKey key, V1DeleteOptions? options, CancellationToken cancel)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var body = Json(KubeJson.Serialize(options ?? new V1DeleteOptions()));
        try
        {
            using var response = await SendCoreAsync(HttpMethod.Delete, resource.Path(key.Namespace, key.Name), body, cancel);
            return true;
        }
        catch (KubeApiException e) when (e.IsNotFound || (e.IsConflict && options?.Preconditions?.Uid is not null))
        {
            return false;
        }
    }

    /// <summary>Sends any body to any path, for the subresources that take an object of another kind (<c>pods/binding</c>).</summary>
    public async Task PostAsync<TBody>(string path, TBody body, CancellationToken cancel)
    {
        using var response = await SendCoreAsync(HttpMethod.Post, path, Json(KubeJson.Serialize(body)), cancel);
    }

    private async Task<T> SendAsync<T>(HttpMethod method, string path, HttpContent? body, CancellationToken cancel)
    {
        using var response = await SendCoreAsync(method, path, body, cancel);
        try
        {
            await using var stream = await response.Content.ReadAsStreamAsync(cancel);
            return await JsonSerializer.DeserializeAsync(stream, KubeJson.TypeInfo<T>(), cancel)
                ?? throw new JsonException($"{method} {path} answered null.");
        }
        catch (IOException e)
        {
            throw new HttpRequestException($"{method} {path}: the connection ended before the answer: {e.Message}", e);
        }
    }

    private async Task<HttpResponseMessage> SendCoreAsync(HttpMethod method, string path, HttpContent? body, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body };
        request.Headers.Accept.ParseAdd("application/json");
        var response = await SendAsync(request, cancel);
        if (response.IsSuccessStatusCode) return response;
        using (response)
        {
            throw await ReadRefusalAsync(response, $"{method} {path}", cancel);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        try
        {
            return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            // As the handler says that nobody answered its connection in time.
            throw new HttpRequestException($"{request.Method} {request.RequestUri?.OriginalString}: no connection to the server: {e.InnerException?.Message ?? e.Message}", e);
        }
    }

    private static async Task<KubeApiException> ReadRefusalAsync(HttpResponseMessage response, string what, CancellationToken cancel)
    {
        var bytes = await response.Content.ReadAsByteArrayAsync(cancel);
        try
        {
            var status = KubeJson.Deserialize<V1Status>(bytes);
            return new KubeApiException(response.StatusCode, status.Message ?? $"{what}: {(int)response.StatusCode}", status);
        }
        catch (JsonException)
        {
            return new KubeApiException(response.StatusCode, $"{what}: {(int)response.StatusCode} {response.ReasonPhrase}");
        }
    }

    private static ByteArrayContent Body<T>(ApiResource<T> resource, T obj) where T : class, IKubernetesObject<V1ObjectMeta>
    {
        obj.ApiVersion = resource.ApiVersion;
        obj.Kind = resource.Kind;
        return Json(KubeJson.Serialize(obj));
    }

    private static ByteArrayContent Json(byte[] bytes)
    {
        var content = new ByteArrayContent(bytes);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }
}
