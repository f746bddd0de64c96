using System.Text.Json.Nodes;
using Fairlead.ApiServer.Storage;

namespace Fairlead.ApiServer.Resources;

internal sealed partial class Registry
{
    /// <summary>
    /// A refusal may come of what this server has not seen yet of other servers' writes: it counts only once all of them are here.
    /// </summary>
    private async Task<T> SurelyAsync<T>(Func<Task<T>> attempt, CancellationToken cancel)
    {
        if (!store.IsShared) return await attempt();
        var before = cache.Revision;
        try
        {
            return await attempt();
        }
        catch (ApiError e) when (e.Code is 403 or 404 or 409 or 422)
        {
            await store.CatchUpAsync(cancel);
            if (cache.Revision == before) throw;
        }
        return await attempt();
    }

    /// <summary>What a write takes and gives back, where other servers have to know.</summary>
    private Claims? ClaimsOf(Kind kind, JsonObject? old, JsonObject? now)
    {
        if (!store.IsShared) return null;
        HashSet<string> before = old is null ? [] : [.. kind.Strategy.Claims(old)];
        HashSet<string> after = now is null ? [] : [.. kind.Strategy.Claims(now)];
        if (before.SetEquals(after)) return null;
        return new Claims([.. after.Where(claim => !before.Contains(claim))], [.. before.Where(claim => !after.Contains(claim))]);
    }
}
