using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies;

/// <summary>Validation of a pod's spec, also within a template, in Kubernetes' words.</summary>
internal static class PodSpecRules
{
    public static void Validate(JsonObject spec, string field, FieldErrors errors)
    {
        var volumes = ValidateVolumes(spec, $"{field}.volumes", errors);
        if (spec.Array("containers") is not { Count: > 0 }) errors.Required($"{field}.containers");
        var names = new HashSet<string>();
        foreach (var list in (ReadOnlySpan<string>)["initContainers", "containers"])
        {
            foreach (var (i, container) in spec.Items(list)) ValidateContainer(container, $"{field}.{list}[{i}]", names, volumes, spec.Flag("hostNetwork") == true, errors);
        }
        OneOf(spec, "restartPolicy", field, errors, "Always", "OnFailure", "Never");
        OneOf(spec, "dnsPolicy", field, errors, "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None");
        if (spec.Text("dnsPolicy") == "None" && spec.Array("dnsConfig", "nameservers") is not { Count: > 0 })
            errors.Required($"{field}.dnsConfig.nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None");
        if (spec.Number("terminationGracePeriodSeconds") is < 0 and var grace)
            errors.Invalid($"{field}.terminationGracePeriodSeconds", grace, "must be greater than or equal to 0");
        if (spec.Number("activeDeadlineSeconds") is < 1 and var deadline)
            errors.Invalid($"{field}.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive");
        foreach (var name in (ReadOnlySpan<string>)["hostname", "subdomain"])
        {
            if (spec.Text(name) is { Length: > 0 } value && NameRules.Label(value) is { } wrong) errors.Invalid($"{field}.{name}", value, wrong);
        }
        LabelRules.Check(spec.Object("nodeSelector"), $"{field}.nodeSelector", errors);
        foreach (var (i, toleration) in spec.Items("tolerations")) ValidateToleration(toleration, $"{field}.tolerations[{i}]", errors);
        if (spec.Text("nodeName") is { Length: > 0 } && spec.Array("schedulingGates") is { Count: > 0 })
            errors.Forbidden($"{field}.nodeName", "cannot be set until all schedulingGates have been cleared");
        SysctlRules.Validate(spec, $"{field}.securityContext.sysctls", errors);
    }

    private static HashSet<string> ValidateVolumes(JsonObject spec, string field, FieldErrors errors)
    {
        var names = new HashSet<string>();
        foreach (var (i, volume) in spec.Items("volumes"))
        {
            var name = volume.Text("name") ?? "";
            if (name.Length == 0) errors.Required($"{field}[{i}].name");
            else if (NameRules.Label(name) is { } wrong) errors.Invalid($"{field}[{i}].name", name, wrong);
            if (!names.Add(name)) errors.Duplicate($"{field}[{i}].name", name);
            if (volume.Count > 2) errors.Forbidden($"{field}[{i}]", "may not specify more than 1 volume type");
        }
        return names;
    }

    private static void ValidateContainer(JsonObject container, string field, HashSet<string> names, HashSet<string> volumes, bool hostNetwork, FieldErrors errors)
    {
        var name = container.Text("name") ?? "";
        if (name.Length == 0) errors.Required($"{field}.name");
        else if (NameRules.Label(name) is { } wrong) errors.Invalid($"{field}.name", name, wrong);
        else if (!names.Add(name)) errors.Duplicate($"{field}.name", name);
        if (container.Text("image") is not { Length: > 0 } image) errors.Required($"{field}.image");
        else if (image.Trim() != image) errors.Invalid($"{field}.image", image, "must not have leading or trailing whitespace");
        OneOf(container, "imagePullPolicy", field, errors, "Always", "IfNotPresent", "Never");
        OneOf(container, "terminationMessagePolicy", field, errors, "FallbackToLogsOnError", "File");
        ValidatePorts(container, $"{field}.ports", hostNetwork, errors);
        ResourceRules.Validate(container.Object("resources") ?? [], $"{field}.resources", errors);
        foreach (var (i, variable) in container.Items("env")) ValidateVariable(variable, $"{field}.env[{i}]", errors);
        var paths = new HashSet<string>();
        foreach (var (i, mount) in container.Items("volumeMounts")) ValidateMount(mount, $"{field}.volumeMounts[{i}]", volumes, paths, errors);
        foreach (var probe in (ReadOnlySpan<string>)["livenessProbe", "readinessProbe", "startupProbe"])
        {
            if (container.Object(probe) is { } found) ValidateProbe(found, $"{field}.{probe}", probe != "readinessProbe", errors);
        }
    }

    private static void ValidatePorts(JsonObject container, string field, bool hostNetwork, FieldErrors errors)
    {
        var names = new HashSet<string>();
        foreach (var (i, port) in container.Items("ports"))
        {
            if (port.Text("name") is { Length: > 0 } name)
            {
                if (NameRules.PortName(name) is { } wrong) errors.Invalid($"{field}[{i}].name", name, wrong);
                else if (!names.Add(name)) errors.Duplicate($"{field}[{i}].name", name);
            }
            var number = port.Number("containerPort") ?? 0;
            if (number == 0) errors.Required($"{field}[{i}].containerPort");
            else if (!PortRules.IsPort(number)) errors.Invalid($"{field}[{i}].containerPort", number, PortRules.Range);
            if (hostNetwork && port.Number("hostPort") is { } taken && taken != number) errors.Invalid($"{field}[{i}].containerPort", number, "must match `hostPort` when `hostNetwork` is true");
            if (port.Number("hostPort") is { } host and not 0 && !PortRules.IsPort(host)) errors.Invalid($"{field}[{i}].hostPort", host, PortRules.Range);
            PortRules.CheckProtocol(port, $"{field}[{i}].protocol", errors);
        }
    }

    private static void ValidateVariable(JsonObject variable, string field, FieldErrors errors)
    {
        if (variable.Text("name") is not { Length: > 0 } name) errors.Required($"{field}.name");
        else if (NameRules.EnvironmentName(name) is { } wrong) errors.Invalid($"{field}.name", name, wrong);
        if (variable.Object("valueFrom") is not { } from) return;
        if (variable.Text("value") is { Length: > 0 }) errors.Invalid($"{field}.valueFrom", "", "may not be specified when `value` is not empty");
        if (from.Count != 1) errors.Invalid($"{field}.valueFrom", "", from.Count == 0
            ? "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
            : "may not have more than one field specified at a time");
    }

    private static void ValidateMount(JsonObject mount, string field, HashSet<string> volumes, HashSet<string> paths, FieldErrors errors)
    {
        if (mount.Text("name") is not { Length: > 0 } name) errors.Required($"{field}.name");
        else if (!volumes.Contains(name)) errors.NotFound($"{field}.name", name);
        if (mount.Text("mountPath") is not { Length: > 0 } path) errors.Required($"{field}.mountPath");
        else if (!paths.Add(path)) errors.Invalid($"{field}.mountPath", path, "must be unique");
        foreach (var sub in (ReadOnlySpan<string>)["subPath", "subPathExpr"])
        {
            if (mount.Text(sub) is not { Length: > 0 } within) continue;
            if (within[0] == '/') errors.Invalid($"{field}.{sub}", within, "must be a relative path");
            if (within.Split('/').Contains("..")) errors.Invalid($"{field}.{sub}", within, "must not contain '..'");
        }
    }

    /// <summary>Kubernetes documentation: "Taints and Tolerations".</summary>
    private static void ValidateToleration(JsonObject toleration, string field, FieldErrors errors)
    {
        var (key, @operator, effect) = (toleration.Text("key") ?? "", toleration.Text("operator") ?? "", toleration.Text("effect") ?? "");
        if (key.Length > 0 && NameRules.QualifiedName(key) is { } wrong) errors.Invalid($"{field}.key", key, wrong);
        if (key.Length == 0 && @operator != "Exists")
            errors.Invalid($"{field}.operator", @operator, "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
        if (toleration.Number("tolerationSeconds") is not null && effect != "NoExecute") errors.Invalid($"{field}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
        if (@operator == "Exists" && toleration.Text("value") is { Length: > 0 } value) errors.Invalid($"{field}.operator", value, "value must be empty when `operator` is 'Exists'");
        if (@operator is not ("" or "Equal" or "Exists")) errors.NotSupported($"{field}.operator", @operator, "Equal", "Exists");
        if (effect is not ("" or "NoSchedule" or "PreferNoSchedule" or "NoExecute")) errors.NotSupported($"{field}.effect", effect, "NoExecute", "NoSchedule", "PreferNoSchedule");
    }

    private static void ValidateProbe(JsonObject probe, string field, bool oneSuccess, FieldErrors errors)
    {
        var handlers = new[] { "exec", "httpGet", "tcpSocket", "grpc" }.Where(name => probe.Object(name) is not null).ToList();
        if (handlers.Count == 0) errors.Required(field, "must specify a handler type");
        foreach (var extra in handlers.Skip(1)) errors.Forbidden($"{field}.{extra}", "may not specify more than 1 handler type");
        foreach (var name in (ReadOnlySpan<string>)["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"])
        {
            if (probe.Number(name) is < 0 and var number) errors.Invalid($"{field}.{name}", number, "must be greater than or equal to 0");
        }
        if (oneSuccess && probe.Number("successThreshold") is { } threshold and not 1) errors.Invalid($"{field}.successThreshold", threshold, "must be 1");
        if (probe.Object("exec") is { } exec && exec.Array("command") is not { Count: > 0 }) errors.Required($"{field}.exec.command");
        foreach (var name in (ReadOnlySpan<string>)["httpGet", "tcpSocket"])
        {
            if (probe.Object(name) is not { } handler) continue;
            if (handler.Number("port") is { } number && !PortRules.IsPort(number)) errors.Invalid($"{field}.{name}.port", number, PortRules.Range);
            if (handler.Text("port") is { } text && NameRules.PortName(text) is { } wrong) errors.Invalid($"{field}.{name}.port", text, wrong);
        }
    }

    private static void OneOf(JsonObject obj, string name, string field, FieldErrors errors, params ReadOnlySpan<string> supported)
    {
        var value = obj.Text(name) ?? "";
        if (!supported.Contains(value)) errors.NotSupported($"{field}.{name}", value, supported);
    }
}

internal static class LabelRules
{
    public static void Check(JsonObject? labels, string field, FieldErrors errors)
    {
        foreach (var (key, value) in labels ?? [])
        {
            if (NameRules.QualifiedName(key) is { } wrong) errors.Invalid(field, key, wrong);
            if (NameRules.LabelValue(value.Text() ?? "") is { } wrongValue) errors.Invalid(field, value.Text() ?? "", wrongValue);
        }
    }
}
