using System.Text.Json;
using Xunit;

namespace Fairlead.System;

/// <summary>A finding of the doctor's.</summary>
public sealed record Found(string Code, string About, string What, string Mend);

/// <summary>`fairlead doctor`, and pods for it to look at.</summary>
public static class Doctor
{
    /// <summary>The command of a pod that answers at port 8080.</summary>
    public const string Echo = "fairlead, echo, --port, '8080'";

    private const string Template = "{ apiVersion: v1, kind: Pod, metadata: { name: NAME, labels: { app: APP } }, spec: { nodeName: NODE, terminationGracePeriodSeconds: 0, containers: [ { name: main, image: fairlead/host, command: [ COMMAND ], "
        + "ports: [ { name: http, containerPort: 8080 } ] PROBE } ] } }";

    /// <summary>A pod's manifest.</summary>
    /// <param name="probe">Further members of its container, after a comma.</param>
    public static string Pod(string name, string app, string node, string command, string probe = "") =>
        Template.Replace("NAME", name, StringComparison.Ordinal).Replace("APP", app, StringComparison.Ordinal).Replace("NODE", node, StringComparison.Ordinal)
            .Replace("COMMAND", command, StringComparison.Ordinal).Replace("PROBE", probe, StringComparison.Ordinal);

    public static Task<CommandResult> AskAsync(string patient, string kubeconfig) => Command.TryAsync(Command.Fairlead, ["doctor", patient, "--kubeconfig", kubeconfig]);

    public static async Task<IReadOnlyList<Found>> FindingsAsync(string patient, string kubeconfig)
    {
        var result = await Command.TryAsync(Command.Fairlead, ["doctor", patient, "-o", "json", "--kubeconfig", kubeconfig]);
        Assert.True(result.Code is 0 or 1, result.Error);
        using var json = JsonDocument.Parse(result.Output);
        return [.. json.RootElement.GetProperty("diagnoses")[0].GetProperty("findings").EnumerateArray()
            .Select(found => new Found(Text(found, "code"), Text(found, "about"), Text(found, "what"), Text(found, "mend")))];
    }

    public static async Task<Found?> FindAsync(string patient, string code, string kubeconfig) => (await FindingsAsync(patient, kubeconfig)).FirstOrDefault(found => found.Code == code);

    private static string Text(JsonElement found, string name) => found.GetProperty(name).GetString()!;
}
