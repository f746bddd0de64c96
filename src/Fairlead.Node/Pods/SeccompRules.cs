using System.Text.Json;
using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>A container's seccomp profile; the container's word counts before the pod's, and none means unconfined.</summary>
internal static class SeccompRules
{
    /// <param name="folder">Where profiles of type Localhost lie.</param>
    /// <returns>Security with the profile in it, or why the container may not run.</returns>
    public static (ContainerSecurity? Security, string? Failure) Apply(ContainerSecurity security, V1Pod pod, V1Container container, string folder)
    {
        var profile = container.SecurityContext?.SeccompProfile ?? pod.Spec.SecurityContext?.SeccompProfile;
        // What is privileged is not filtered.
        if (profile is null || security.Privileged || profile.Type == "Unconfined") return (security, null);
        if (profile.Type == "RuntimeDefault") return (security with { SeccompDefault = true }, null);
        var name = profile.LocalhostProfile ?? "";
        if (name.Length == 0 || name.StartsWith('/') || name.Split('/').Contains("..")) return (null, $"localhostProfile \"{name}\" must be a relative path without \"..\"");
        try
        {
            var text = File.ReadAllText($"{folder}/{name}");
            using var document = JsonDocument.Parse(text);
            return (security with { SeccompProfile = text }, null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return (null, $"cannot load seccomp profile \"{folder}/{name}\": {e.Message}");
        }
    }
}
