using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Fairlead.Node.Images.Registry;

/// <summary>
/// What a registry asks for when it answers 401: name and password, or a token that another server gives for them (distribution
/// documentation, "Token Authentication Specification").
/// </summary>
internal sealed partial class RegistryAuthorization(HttpMessageInvoker http, ImageReference image, RegistryCredential? credential) : IDisposable
{
    private readonly SemaphoreSlim _one = new(1);
    private AuthenticationHeaderValue? _value;

    /// <summary>For the next request; null: none was asked for yet.</summary>
    public AuthenticationHeaderValue? Value => Volatile.Read(ref _value);

    public void Dispose() => _one.Dispose();

    /// <summary>Takes up a challenge; false when there is nothing to answer it with, or the answer was tried already.</summary>
    public async Task<bool> AnswerAsync(HttpResponseMessage refusal, AuthenticationHeaderValue? tried, CancellationToken cancel)
    {
        await _one.WaitAsync(cancel);
        try
        {
            // Another request of this pull may have answered it meanwhile.
            if (!Equals(tried, Value)) return true;
            foreach (var challenge in refusal.Headers.WwwAuthenticate)
            {
                var answer = challenge.Scheme.ToUpperInvariant() switch
                {
                    "BEARER" => new AuthenticationHeaderValue("Bearer", await FetchTokenAsync(Parameters(challenge.Parameter ?? ""), cancel)),
                    "BASIC" when credential is not null => Basic(credential),
                    _ => null,
                };
                if (answer is null || answer.Equals(tried)) continue;
                Volatile.Write(ref _value, answer);
                return true;
            }
            return false;
        }
        finally
        {
            _one.Release();
        }
    }

    private async Task<string> FetchTokenAsync(Dictionary<string, string> challenge, CancellationToken cancel)
    {
        if (!challenge.TryGetValue("realm", out var realm) || !Uri.TryCreate(realm, UriKind.Absolute, out var address))
            throw new ImageException("failed to authorize: the registry's challenge names no realm");
        var scope = challenge.GetValueOrDefault("scope") ?? $"repository:{image.Repository}:pull";
        using var request = credential?.IdentityToken is { } refresh ? Exchange(address, challenge, scope, refresh) : Ask(address, challenge, scope);
        using var answer = await http.SendAsync(request, cancel);
        var who = credential is null ? "anonymous" : "oauth";
        if (!answer.IsSuccessStatusCode)
            throw new ImageException($"failed to authorize: failed to fetch {who} token: unexpected status from {request.Method} request to {request.RequestUri}: {(int)answer.StatusCode} {answer.ReasonPhrase}");
        try
        {
            using var document = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(cancel));
            foreach (var name in (string[])["token", "access_token"])
            {
                if (document.RootElement.TryGetProperty(name, out var token) && token.GetString() is { Length: > 0 } text) return text;
            }
        }
        catch (JsonException e)
        {
            throw new ImageException($"failed to authorize: {address.Host} answered no JSON: {e.Message}", e);
        }
        throw new ImageException($"failed to authorize: {address.Host} gave no token");
    }

    private HttpRequestMessage Ask(Uri realm, Dictionary<string, string> challenge, string scope)
    {
        var query = new List<string>();
        if (realm.Query.Length > 1) query.Add(realm.Query[1..]);
        if (challenge.GetValueOrDefault("service") is { } service) query.Add($"service={Uri.EscapeDataString(service)}");
        query.Add($"scope={Uri.EscapeDataString(scope)}");
        var request = new HttpRequestMessage(HttpMethod.Get, $"{realm.GetLeftPart(UriPartial.Path)}?{string.Join('&', query)}");
        if (credential is not null) request.Headers.Authorization = Basic(credential);
        return request;
    }

    private static HttpRequestMessage Exchange(Uri realm, Dictionary<string, string> challenge, string scope, string refresh) => new(HttpMethod.Post, realm)
    {
        Content = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "refresh_token",
            ["refresh_token"] = refresh,
            ["service"] = challenge.GetValueOrDefault("service", ""),
            ["scope"] = scope,
            ["client_id"] = "fairlead",
        }),
    };

    private static AuthenticationHeaderValue Basic(RegistryCredential credential) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.User}:{credential.Password}")));

    internal static Dictionary<string, string> Parameters(string text) =>
        Parameter().Matches(text).GroupBy(match => match.Groups[1].Value.ToLowerInvariant())
            .ToDictionary(group => group.Key, group => group.First().Groups[2].Success ? Regex.Unescape(group.First().Groups[2].Value) : group.First().Groups[3].Value);

    [GeneratedRegex("""([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))""")]
    private static partial Regex Parameter();
}
