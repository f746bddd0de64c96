using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Owners;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using Fairlead.Kube;

namespace Fairlead.Controllers.Replicas;

/// <summary>What went wrong while a decision was applied: the condition to show, and the error for the key's back-off.</summary>
internal readonly record struct PodFailure((string Reason, string Message) Condition, Exception? Error)
{
    public static readonly PodFailure None = new(("", ""), null);
}

/// <summary>Carries a decision out: adopts, releases, creates and deletes pods.</summary>
internal sealed class PodControl(IReplicaKind kind, KubeClient client, EventRecorder events, Expectations expectations)
{
    private readonly ClaimWriter _claims = new(client);
    private readonly PodWriter _pods = new(client, events);

    public async Task<PodFailure> ApplyAsync(ReplicaItem item, ReplicaDecision decision, CancellationToken cancel)
    {
        var owner = new Owner(kind.ApiVersion, kind.Kind, item.Key, item.Meta.Uid);
        await _claims.ApplyAsync(owner, ApiResources.Pods, decision.Adopt, decision.Release, stop => kind.ReadAsync(item.Key, stop), cancel);
        if (decision.Create > 0) return Failure("FailedCreate", await CreateAsync(owner, item.Template, decision.Create, cancel));
        if (decision.Delete.Count > 0) return Failure("FailedDelete", await DeleteAsync(owner, decision.Delete, cancel));
        return PodFailure.None;
    }

    private static PodFailure Failure(string reason, Exception? error) =>
        error is null ? PodFailure.None : new((reason, error.Message), error);

    /// <summary>Batches of 1, 2, 4, … in parallel: a namespace that refuses pods is asked once, not a thousand times.</summary>
    private async Task<Exception?> CreateAsync(Owner owner, PodTemplate template, int count, CancellationToken cancel)
    {
        var names = new string[count];
        for (var i = 0; i < count; i++)
        {
            names[i] = ObjectNames.Generate(owner.Key.Name + "-");
            expectations.ExpectCreation(owner.Key, names[i]);
        }
        var done = 0;
        for (var batch = 1; done < count; batch *= 2)
        {
            var results = await Task.WhenAll(names.Skip(done).Take(batch).Select(name => CreateAsync(owner, template, name, cancel)));
            done += results.Length;
            if (results.FirstOrDefault(error => error is not null) is not { } error) continue;
            foreach (var name in names.AsSpan(done)) expectations.CreationSeen(owner.Key, name);
            return PodWriter.IsTerminating(error) ? null : error;
        }
        return null;
    }

    private async Task<Exception?> CreateAsync(Owner owner, PodTemplate template, string name, CancellationToken cancel)
    {
        var error = await _pods.CreateAsync(owner, PodWriter.Compose(owner, template, name), cancel);
        if (error is not null) expectations.CreationSeen(owner.Key, name);
        return error;
    }

    private async Task<Exception?> DeleteAsync(Owner owner, IReadOnlyList<PodItem> pods, CancellationToken cancel)
    {
        foreach (var pod in pods) expectations.ExpectDeletion(owner.Key, pod.Meta.Uid);
        var results = await Task.WhenAll(pods.Select(pod => DeleteAsync(owner, pod, cancel)));
        return results.FirstOrDefault(error => error is not null);
    }

    private async Task<Exception?> DeleteAsync(Owner owner, PodItem pod, CancellationToken cancel)
    {
        var (deleted, error) = await _pods.DeleteAsync(owner, pod, cancel);
        if (!deleted) expectations.DeletionSeen(owner.Key, pod.Meta.Uid);
        return error;
    }
}
