using System.Globalization;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Watch;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>
/// Reads are answered from memory. Where several servers share a store, one that asks for the latest (Kubernetes API concepts: "Resource
/// versions") waits until memory has it; where the store cannot be asked, the answer says in a warning how old it may be.
/// </summary>
internal sealed class Freshness(IStore store, ObjectCache cache)
{
    /// <summary>Why the store cannot be written; null: it can.</summary>
    public string? Trouble => store.Trouble;

    public TimeSpan Age => store.Age;

    public ValueTask EnsureAsync(HttpContext context, ApiRequest request) =>
        store.IsShared && request.Kind is not null && (Reads(request.Verb) || request.Subresource.Length > 0) ? CatchUpAsync(context) : ValueTask.CompletedTask;

    // Other verbs find out by themselves (Registry), but for the one that takes its objects from memory. So do subresources: tokens, streams.
    private static bool Reads(string verb) => verb is "get" or "list" or "watch" or "deletecollection";

    private async ValueTask CatchUpAsync(HttpContext context)
    {
        if (store.Trouble is null && !NeedsLatest(context)) return;
        var age = await store.CatchUpAsync(context.RequestAborted);
        if (age <= TimeSpan.Zero) return;
        context.Response.Headers.Append("Warning", string.Create(CultureInfo.InvariantCulture, $"299 - \"etcd does not answer: this is what the server knew {age.TotalSeconds:F1} s ago\""));
    }

    private bool NeedsLatest(HttpContext context)
    {
        var query = context.Request.Query;
        if (query.First("continue") is { Length: > 0 } token) return ContinueToken.Read(token).Revision > cache.Revision;
        return query.First("resourceVersion") is not { Length: > 0 } text || !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version) || version > cache.Revision;
    }
}
