using System.Text.RegularExpressions;

namespace Fairlead.ApiServer.Resources.Schema;

/// <summary>The form of resource amounts such as <c>100m</c> and <c>64Mi</c> (Kubernetes API reference: "Quantity").</summary>
internal static partial class Quantity
{
    public const string Rule = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

    public static bool IsValid(string text) => Form().IsMatch(text);

    [GeneratedRegex(@"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?[0-9]+)?$")]
    private static partial Regex Form();
}
