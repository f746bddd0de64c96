using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies;

/// <summary>Kernel settings of a pod (Kubernetes documentation: "Using sysctls in a Kubernetes Cluster"). Which of them a node allows is the node's to say.</summary>
internal static partial class SysctlRules
{
    private const int Longest = 253;
    private const string Form = @"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";

    public static void Validate(JsonObject spec, string field, FieldErrors errors)
    {
        var names = new HashSet<string>();
        foreach (var (i, sysctl) in spec.Items("securityContext", "sysctls"))
        {
            var name = sysctl.Text("name") ?? "";
            if (name.Length == 0) errors.Required($"{field}[{i}].name");
            else if (name.Length > Longest || !Name().IsMatch(name)) errors.Invalid($"{field}[{i}].name", name, $"must have at most {Longest} characters and match regex {Form}");
            else if (!names.Add(name.Replace('/', '.'))) errors.Duplicate($"{field}[{i}].name", name);
        }
    }

    [GeneratedRegex(Form)]
    private static partial Regex Name();
}
